import type { Engine } from '../engine/engine.ts';
import type { ImageSetOptions } from '../train/dataset/image-set.ts';
import { openSet } from '../train/dataset/open-dataset.ts';
import { resample } from '../train/dataset/resample.ts';
import { createExplainer } from '../train/explain/grad-cam.ts';
import type { EvaluationRow } from './site-data.ts';
import type { Target } from './target.ts';

/** A person's first picture as the model gets it, and where its decision comes from. */
export interface Explained {
  readonly row: EvaluationRow;
  readonly side: number;
  /** 0 black to 1 white. */
  readonly grey: Float32Array;
  /** Of the same size, 0 to 1. */
  readonly heat: Float32Array;
}

/** Whose decision for which class is asked about. */
export interface Question {
  readonly row: EvaluationRow;
  readonly label: number;
}

const BATCH_SIZE = 16;

/** Grad-CAM maps of one class each, smoothly enlarged to the size of the picture. */
export async function explain(
  questions: readonly Question[],
  what: { target: Target; engine: Engine; root: string; options: ImageSetOptions },
): Promise<Explained[]> {
  const { target, engine, root, options } = what;
  if (questions.length === 0) return [];
  const asked = questions.map(({ row, label }) => ({ row: row.row, label }));
  const images = await openSet(root, asked, options);
  const explainer = await createExplainer(target.spec, target.params, engine);
  const found: (Explained | undefined)[] = questions.map(() => undefined);
  try {
    for await (const { x, size, owners } of images.batches({ batchSize: BATCH_SIZE })) {
      const labels = owners.map((owner) => questions[owner]?.label ?? 0);
      const { side, maps } = await explainer.heat(x, labels);
      const area = x.length / size;
      for (const [at, owner] of owners.entries()) {
        const question = questions[owner];
        const map = maps[at];
        if (!question || !map || found[owner]) continue;
        const heat = enlarge(map, side, options.imageSize);
        const grey = toGrey(x.subarray(at * area, (at + 1) * area));
        found[owner] = { row: question.row, side: options.imageSize, grey, heat };
      }
    }
  } finally {
    explainer.dispose();
  }
  return found.filter((one) => one !== undefined);
}

function enlarge(map: Float32Array, from: number, to: number): Float32Array {
  return resample(
    { width: from, height: from, data: map },
    { left: 0, top: 0, width: from, height: from },
    to,
  );
}

/** Standardised pixels stretched from black to their brightest. */
function toGrey(picture: Float32Array): Float32Array {
  const black = picture.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const white = picture.reduce((most, value) => Math.max(most, value), black);
  return picture.map((value) => (white > black ? (value - black) / (white - black) : 0));
}

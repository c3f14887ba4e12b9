import { resample } from '../../../preprocess/picture/resample.ts';
import { numberAt } from '../../base/at.ts';
import { type ImageSet, planeOf } from '../../learning/dataset/image-set.ts';
import type { Engine } from '../../learning/engine/engine.ts';
import { createExplainer } from '../../learning/explain/grad-cam.ts';
import type { ClassTarget } from '../open-target.ts';

/** A person's first picture as the model gets it, of its first channel, and where its decision comes from. */
export interface Explained {
  readonly id: string;
  readonly side: number;
  /** 0 black to 1 white. */
  readonly grey: Float32Array;
  /** Of the same size, 0 to 1. */
  readonly heat: Float32Array;
  /** Pixels that one value of the network's own, coarser map stands for. */
  readonly cell: number;
}

const BATCH_SIZE = 16;

/**
 * Grad-CAM maps, smoothly enlarged to the size of the picture, of the first picture of each subject.
 * @param labels for each subject the class that is asked about
 * @returns none for a network whose features have no places
 */
export async function explain(
  images: ImageSet,
  labels: readonly number[],
  { target, engine }: { target: ClassTarget; engine: Engine },
): Promise<Explained[]> {
  const { subjects, options } = images;
  if (subjects.length === 0) return [];
  const explainer = await createExplainer(target.spec, target.params, engine);
  if (!explainer) return [];
  const found: (Explained | undefined)[] = subjects.map(() => undefined);
  try {
    for await (const { x, size, owners } of images.batches({ batchSize: BATCH_SIZE })) {
      const { side, maps } = await explainer.heat(
        x,
        owners.map((owner) => numberAt(labels, owner)),
      );
      const area = x.length / size;
      for (const [at, owner] of owners.entries()) {
        const map = maps[at];
        if (!map || found[owner]) continue;
        const heat = enlarge(map, side, options.imageSize);
        const { imageSize, channels } = options;
        const grey = toGrey(planeOf(x.subarray(at * area, (at + 1) * area), { channel: 0, channels }));
        found[owner] = {
          id: subjects[owner]?.id ?? '',
          side: imageSize,
          grey,
          heat,
          cell: imageSize / side,
        };
      }
    }
  } finally {
    explainer.dispose();
  }
  return found.filter((one) => one !== undefined);
}

function enlarge(map: Float32Array, from: number, to: number): Float32Array {
  return resample(
    { width: from, height: from, pixels: map },
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

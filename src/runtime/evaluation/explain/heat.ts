import { arrange } from '../../../preprocess/picture/montage.ts';
import { resample } from '../../../preprocess/picture/resample.ts';
import { f32At, numberAt } from '../../base/at.ts';
import { type ImageSet, type ImageSetOptions, planeOf, planesOf } from '../../learning/dataset/image-set.ts';
import type { Engine } from '../../learning/engine/engine.ts';
import { createExplainer } from '../../learning/explain/grad-cam.ts';
import type { ClassTarget } from '../open-target.ts';

/** A person's first picture as the model gets it, of its first channel, and where its decision comes from; of a volume slabs side by side. */
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
      const { side, planes, maps } = await explainer.heat(
        x,
        owners.map((owner) => numberAt(labels, owner)),
      );
      const area = x.length / size;
      for (const [at, owner] of owners.entries()) {
        const map = maps[at];
        if (!map || found[owner]) continue;
        const { imageSize, channels } = options;
        const greys = planeOf(x.subarray(at * area, (at + 1) * area), { channel: 0, channels });
        found[owner] = {
          id: subjects[owner]?.id ?? '',
          side: shownSide(options),
          grey: toGrey(shownFlat(greys, { planes: planesOf(options), options })),
          heat: shownFlat(map, { planes, options }),
          cell: imageSize / side,
        };
      }
    }
  } finally {
    explainer.dispose();
  }
  return found.filter((one) => one !== undefined);
}

/** Slabs that are shown of a volume, or 1. */
export function shownSlabs({ layout, imageSize, slices }: ImageSetOptions): number {
  return layout === 'volume' ? Math.min(slices, imageSize) : 1;
}

/** Side of what is shown: a picture, or the slabs of a volume side by side, each as large as a plane. */
export function shownSide(options: ImageSetOptions): number {
  return options.imageSize * Math.ceil(Math.sqrt(shownSlabs(options)));
}

/** A picture, or the means of the slabs of a volume, enlarged where its planes are smaller than those of the images. */
function shownFlat(
  values: Float32Array,
  { planes, options }: { planes: number; options: ImageSetOptions },
): Float32Array {
  const area = values.length / planes;
  const slabs = shownSlabs(options);
  const tiles = Array.from({ length: slabs }, (_, slab) => {
    const mean = slabMean(values, { area, planes, from: slab / slabs, to: (slab + 1) / slabs });
    return enlarge(mean, Math.sqrt(area), options.imageSize);
  });
  const [tile] = tiles;
  return tile && tiles.length === 1 ? tile : arrange(tiles, new Float32Array(shownSide(options) ** 2));
}

/** Mean over the planes between two shares of the way through a volume, each by how much of it lies between them. */
function slabMean(
  values: Float32Array,
  { area, planes, from, to }: { area: number; planes: number; from: number; to: number },
): Float32Array {
  const mean = new Float32Array(area);
  for (let plane = 0; plane < planes; plane++) {
    const share = (Math.min((plane + 1) / planes, to) - Math.max(plane / planes, from)) / (to - from);
    if (share <= 0) continue;
    for (let at = 0; at < area; at++) mean[at] = f32At(mean, at) + share * f32At(values, plane * area + at);
  }
  return mean;
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

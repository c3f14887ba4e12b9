import { resolve } from 'node:path';
import { voxelSize } from '../../../preprocess/nifti/affine.ts';
import { orientationOf, reorient } from '../../../preprocess/nifti/orient.ts';
import { readNiftiAs } from '../../../preprocess/nifti/series.ts';
import type { LabelledVolume } from '../../../preprocess/volume/labelled-volume.ts';
import { flError } from '../../base/errors/errors.ts';
import { noProgress } from '../../base/logging/progress.ts';
import { readAs, type Selection } from '../../base/selection/selection.ts';
import { openVolume, volumeOptions } from '../../learning/dataset/open-volumes.ts';
import { VolumeSet } from '../../learning/dataset/volume-set.ts';
import type { MaskTarget } from '../open-target.ts';
import { NOTICE } from '../predict/notice.ts';
import type { PredictInputs } from '../predict/predict-inputs.ts';
import type { PredictOptions } from '../predict/predict-options.ts';
import { openPredictor } from '../predict/predictor.ts';
import { connectedComponents } from './components.ts';
import { countInside, maskOf, voxelVolume } from './mask.ts';
import type { MaskPrediction } from './mask-prediction.ts';
import { regionsOf } from './regions.ts';
import { labelVolume } from './score-volumes.ts';
import { type LabelledImage, writeMaskPrediction } from './write-prediction.ts';

/** A model that labels voxels, and the images that it is shown. */
export interface MaskInputs {
  readonly target: MaskTarget;
  readonly selection: Selection;
  readonly inputs: PredictInputs;
}

/**
 * Labels volumes. With a folder to write to, a mask of each on the grid of its image (of the first channel), as a BIDS derivative.
 * @throws NF_DATA_PATCH, NF_DATA_IMAGE_*, NF_CHANNEL_GRID, NF_NIFTI_*, NF_ENGINE_*, NF_PATH_LINK
 */
export async function predictMasks(
  { target, selection, inputs }: MaskInputs,
  options: PredictOptions,
): Promise<MaskPrediction> {
  const { progress = noProgress, signal } = options;
  const place = { root: '', selection, masks: target.masks };
  const seen = volumeOptions({}, { spec: target.spec, ...place });
  const volumes = [];
  for (const [subject, { paths }] of inputs.images.entries()) {
    signal?.throwIfAborted();
    volumes.push(await openVolume({ subject, files: { images: paths, mask: undefined } }, seen));
  }
  const subjects = inputs.images.map(({ subject, source }) => ({ id: subject, group: source }));
  const set = new VolumeSet(subjects, volumes, seen);
  const predictor = await openPredictor(target, options.engine);
  const folder = options.out === undefined ? undefined : resolve(options.out);
  const writer = folder === undefined ? undefined : await writeMaskPrediction(folder, set.labels);
  const images: MaskPrediction['images'] = [];
  try {
    for (const [at, example] of volumes.entries()) {
      signal?.throwIfAborted();
      const input = inputs.images[at];
      if (!input) throw new RangeError(`there is no image ${at}`);
      const { volume, predicted } = await labelVolume(set, example, predictor.outputs);
      const image = await onGridOf(input.paths[0] ?? '', { volume, predicted, selection });
      const mask = (await writer?.add(input, image)) ?? null;
      images.push({
        ...describe(input, { volume, predicted, labels: set.labels }),
        shape: [...image.shape],
        mask,
      });
      progress({ what: 'volumes', done: at + 1, total: volumes.length });
    }
  } finally {
    predictor.dispose();
  }
  const prediction: MaskPrediction = {
    task: 'segmentation',
    notice: NOTICE,
    model: { file: target.file, sha256: target.sha256 },
    labels: set.labels.map((name, at) => ({ index: at + 1, name })),
    folder: folder ?? null,
    images,
    left_out: [...inputs.leftOut],
  };
  await writer?.end(prediction);
  return prediction;
}

/** Labels as the image has its voxels. */
async function onGridOf(
  path: string,
  what: { readonly volume: LabelledVolume; readonly predicted: Uint8Array; readonly selection: Selection },
): Promise<LabelledImage> {
  const { volume, predicted, selection } = what;
  const { affine, shape: all } = await readNiftiAs(path, readAs(selection));
  const turned = reorient(
    { shape: volume.shape, data: predicted, affine: volume.affine },
    orientationOf(affine),
  );
  const [x = 1, y = 1, z = 1] = all;
  if (turned.shape.join() !== [x, y, z].join())
    throw flError('NF_DATA_IMAGE_TIME', { path, shape: all.join(' x ') }, { place: { file: path } });
  return { shape: [x, y, z], affine, data: turned.data };
}

function describe(
  { subject, source }: { readonly subject: string; readonly source: string },
  what: {
    readonly volume: LabelledVolume;
    readonly predicted: Uint8Array;
    readonly labels: readonly string[];
  },
) {
  const { volume, predicted, labels } = what;
  const grid = { shape: volume.shape, voxel: voxelSize(volume.affine) };
  const found = regionsOf(labels).map(({ name, labels: own }) => ({
    name,
    mask: maskOf(predicted, own, grid),
  }));
  return {
    subject,
    source,
    voxel_mm: [...grid.voxel],
    volume_ml: Object.fromEntries(
      found.map(({ name, mask }) => [name, (countInside(mask) * voxelVolume(grid)) / 1000]),
    ),
    parts: Object.fromEntries(found.map(({ name, mask }) => [name, connectedComponents(mask).count])),
  };
}

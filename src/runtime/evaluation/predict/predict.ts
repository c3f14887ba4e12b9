import { join, resolve } from 'node:path';
import { readParticipants } from '../../../preprocess/bids/participants.ts';
import type { ReadAs } from '../../../preprocess/nifti/series.ts';
import type { PictureHarmony } from '../../../preprocess/picture/harmonise.ts';
import { readChannels } from '../../../preprocess/picture/pictures.ts';
import { flError } from '../../base/errors/errors.ts';
import { noProgress, type Progress } from '../../base/logging/progress.ts';
import { channelCount, readAs } from '../../base/selection/selection.ts';
import { firstOf } from '../../base/text/first-of.ts';
import { didYouMean } from '../../base/text/nearest.ts';
import { mapPool } from '../../base/threads/map-pool.ts';
import { harmonyOf, requireHarmonised, ruleNote } from '../../learning/dataset/harmony.ts';
import { ImageSet } from '../../learning/dataset/image-set.ts';
import { inputChannels, requireChannels } from '../../learning/models/spec.ts';
import { predictedClass, withTemperature } from '../../statistics/probabilities.ts';
import { explain } from '../explain/heat.ts';
import { type ClassTarget, openTarget, type TargetWish } from '../open-target.ts';
import { EVALUATION_FILE, EVALUATION_FOLDER, readEvaluation } from '../result.ts';
import { selectionOfRun } from '../run-selection.ts';
import { judgeLikeness } from './likeness.ts';
import { openInputs, type PredictImage } from './predict-inputs.ts';
import { describePredictions, writePredictions } from './predict-result.ts';
import { NOTICE, type PredictResult } from './predict-schema.ts';
import { type EngineWish, openPredictor } from './predictor.ts';

export interface PredictOptions extends TargetWish {
  readonly inputs: readonly string[];
  readonly slices: number;
  readonly mirror: boolean;
  readonly engine: EngineWish;
  /** Undefined: as the training images were prepared. */
  readonly headMask: boolean | undefined;
  /** That the images are of, where the run's pictures were harmonised. */
  readonly site: string | undefined;
  /** Folder to write; undefined writes nothing. */
  readonly out: string | undefined;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/** Predicts images that nobody has labelled. @throws NF_PREDICT_*, NF_EVALUATE_*, NF_NIFTI_*, NF_DATA_IMAGE_* */
export async function predictImages(options: PredictOptions): Promise<PredictResult> {
  const target = await openTarget(options);
  if (target.task !== 'classification') throw flError('NF_EVALUATE_TASK', { type: target.spec.type });
  const { harmony, harmonisation } = harmonised(target, options);
  const headMask = options.headMask ?? (await trainedOnHeads(target));
  const selection = target.run && (await selectionOfRun(target.run.card));
  requireChannels(inputChannels(target.spec), channelCount(selection ?? {}));
  const inputs = await openInputs(options.inputs, headMask, selection);
  try {
    if (inputs.images.length === 0) {
      throw flError('NF_PREDICT_INPUT', { path: options.inputs.join(', '), reason: 'it holds no images' });
    }
    const { images, tiles } = await openImages(inputs.images, target, {
      ...options,
      harmony,
      ...readAs(selection ?? {}),
    });
    const predictor = await openPredictor(target, options.engine);
    try {
      const temperature = await temperatureOf(target);
      const raw = {
        probabilities: await predictor.predict(images),
        classes: target.classes.length,
        labels: [],
      };
      const { probabilities } = withTemperature(raw, temperature ?? 1);
      const labels = inputs.images.map((_, row) => predictedClass(probabilities, row, raw.classes));
      const explained = await explain(images, labels, { target, engine: predictor.engine });
      const { likeness, unlike } = await judgeLikeness(target, images);
      const folder = options.out === undefined ? null : resolve(options.out);
      const result: PredictResult = {
        notice: NOTICE,
        model: { file: target.file, sha256: target.sha256 },
        temperature,
        head_mask: headMask,
        harmonisation,
        folder,
        likeness,
        left_out: inputs.leftOut,
        ...describePredictions({
          classes: target.classes,
          inputs: inputs.images,
          probabilities,
          explained,
          tiles,
          unlike,
        }),
      };
      return folder === null ? result : await writePredictions(folder, result, explained);
    } finally {
      predictor.dispose();
    }
  } finally {
    await inputs.close();
  }
}

/** @throws NF_PREDICT_SITE, NF_HARMONISE_PICTURES */
function harmonised(
  { harmonisation: known, spec }: ClassTarget,
  { site, slices }: PredictOptions,
): { readonly harmony: PictureHarmony | undefined; readonly harmonisation: PredictResult['harmonisation'] } {
  const names = Object.keys(known?.effects?.sites ?? {});
  if (site !== undefined && !names.includes(site))
    throw flError('NF_PREDICT_SITE', {
      site,
      nearest: didYouMean(site, names),
      known: firstOf(names) || 'none',
    });
  if (!known) return { harmony: undefined, harmonisation: null };
  requireHarmonised(known, { imageSize: spec.image_size, slices, layout: 'montage' }, 'The prediction');
  const { harmony, rule } = harmonyOf(known, site);
  return { harmony, harmonisation: { site: site ?? null, rule, note: ruleNote(known, site) ?? null } };
}

/** Whether the run's training images are masked pictures, as their table says. */
async function trainedOnHeads({ run }: ClassTarget): Promise<boolean> {
  const root = run?.card.data?.root;
  if (root === undefined) return false;
  const participants = await readParticipants(root).catch(() => undefined);
  return participants?.columns.includes('head_mask') ?? false;
}

/** That of the model's evaluation, if it was evaluated where it lies. */
async function temperatureOf({ run, sha256 }: ClassTarget): Promise<number | null> {
  if (!run) return null;
  const path = run.folder.at(join(EVALUATION_FOLDER, EVALUATION_FILE));
  const evaluation = await readEvaluation(path).catch(() => undefined);
  if (evaluation?.task !== 'classification' || evaluation.model.sha256 !== sha256) return null;
  return evaluation.calibration.temperature;
}

const READERS = 4;

async function openImages(
  inputs: readonly PredictImage[],
  target: ClassTarget,
  {
    slices,
    mirror,
    volume,
    nan,
    harmony,
    progress = noProgress,
    signal,
  }: PredictOptions & ReadAs & { readonly harmony: PictureHarmony | undefined },
): Promise<{ images: ImageSet; tiles: number[] }> {
  const picture = {
    imageSize: target.spec.image_size,
    slices,
    layout: 'montage',
    volume,
    nan,
    harmony,
  } as const;
  let done = 0;
  const examples = await mapPool(inputs, { jobs: READERS, signal }, async ({ paths }, subject) => {
    const [pictures = []] = await readChannels(paths, picture);
    progress({ what: 'images', done: ++done, total: inputs.length });
    return { subject, paths, first: 0, count: pictures.length };
  });
  const subjects = inputs.map(({ source, paths }) => ({
    id: source,
    group: source,
    person: source,
    label: 0,
    examples: [paths],
    harmony,
  }));
  const channels = inputChannels(target.spec);
  const options = {
    ...picture,
    channels,
    classes: target.classes,
    batchSize: 32,
    augment: undefined,
    mirror,
  };
  return { images: new ImageSet(subjects, examples, options), tiles: examples.map(({ count }) => count) };
}

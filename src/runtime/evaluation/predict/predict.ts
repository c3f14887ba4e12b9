import { join, resolve } from 'node:path';
import { readParticipants } from '../../../preprocess/bids/participants.ts';
import type { ReadAs } from '../../../preprocess/nifti/series.ts';
import type { PictureHarmony } from '../../../preprocess/picture/harmonise.ts';
import { readChannels } from '../../../preprocess/picture/pictures.ts';
import { flError } from '../../base/errors/errors.ts';
import { noProgress } from '../../base/logging/progress.ts';
import { channelCount, readAs, type Selection } from '../../base/selection/selection.ts';
import { firstOf } from '../../base/text/first-of.ts';
import { didYouMean } from '../../base/text/nearest.ts';
import { mapPool } from '../../base/threads/map-pool.ts';
import { harmonyOf, requireHarmonised, ruleNote } from '../../learning/dataset/harmony.ts';
import { ImageSet } from '../../learning/dataset/image-set.ts';
import { pictureForm, shownPictures } from '../../learning/dataset/shown-pictures.ts';
import { inputChannels, requireChannels } from '../../learning/models/spec.ts';
import { predictedClass, withTemperature } from '../../statistics/probabilities.ts';
import { explain, shownSlabs } from '../explain/heat.ts';
import { type ClassTarget, openTarget, type Target } from '../open-target.ts';
import { EVALUATION_FILE, EVALUATION_FOLDER, readEvaluation } from '../result.ts';
import { selectionOfRun } from '../run-selection.ts';
import { predictMasks } from '../segmentation/predict-masks.ts';
import { judgeLikeness } from './likeness.ts';
import { NOTICE } from './notice.ts';
import { openInputs, type PredictImage, type PredictInputs } from './predict-inputs.ts';
import type { PredictOptions } from './predict-options.ts';
import { describePredictions, writePredictions } from './predict-result.ts';
import type { ClassPrediction, PredictResult } from './predict-schema.ts';
import { openPredictor } from './predictor.ts';

/** Predicts images that nobody has labelled. @throws NF_PREDICT_*, NF_EVALUATE_*, NF_NIFTI_*, NF_DATA_IMAGE_* */
export async function predictImages(options: PredictOptions): Promise<PredictResult> {
  const target = await openTarget(options);
  const { harmony, harmonisation } =
    target.task === 'classification'
      ? harmonised(target, options)
      : { harmony: undefined, harmonisation: null };
  const headMask = options.headMask ?? (await trainedOnHeads(target));
  const selection = target.run && (await selectionOfRun(target.run.card));
  requireChannels(inputChannels(target.spec), channelCount(selection ?? {}));
  const inputs = await openInputs(options.inputs, headMask, selection);
  try {
    if (inputs.images.length === 0) {
      throw flError('NF_PREDICT_INPUT', { path: options.inputs.join(', '), reason: 'it holds no images' });
    }
    if (target.task === 'segmentation')
      return await predictMasks({ target, selection: selection ?? {}, inputs }, options);
    return await predictClasses({ target, inputs, selection, headMask, harmony, harmonisation }, options);
  } finally {
    await inputs.close();
  }
}

interface ClassInputs {
  readonly target: ClassTarget;
  readonly inputs: PredictInputs;
  readonly selection: Selection | undefined;
  readonly headMask: boolean;
  readonly harmony: PictureHarmony | undefined;
  readonly harmonisation: ClassPrediction['harmonisation'];
}

async function predictClasses(
  { target, inputs, selection, headMask, harmony, harmonisation }: ClassInputs,
  options: PredictOptions,
): Promise<ClassPrediction> {
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
    const result: ClassPrediction = {
      task: 'classification',
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
}

/** @throws NF_PREDICT_SITE, NF_HARMONISE_PICTURES */
function harmonised(
  { harmonisation: known, spec }: ClassTarget,
  { site, slices }: PredictOptions,
): {
  readonly harmony: PictureHarmony | undefined;
  readonly harmonisation: ClassPrediction['harmonisation'];
} {
  const names = Object.keys(known?.effects?.sites ?? {});
  if (site !== undefined && !names.includes(site))
    throw flError('NF_PREDICT_SITE', {
      site,
      nearest: didYouMean(site, names),
      known: firstOf(names) || 'none',
    });
  if (!known) return { harmony: undefined, harmonisation: null };
  requireHarmonised(known, pictureForm(spec, slices), 'The prediction');
  const { harmony, rule } = harmonyOf(known, site);
  return { harmony, harmonisation: { site: site ?? null, rule, note: ruleNote(known, site) ?? null } };
}

/** Whether the run's training images are masked pictures, as their table says. */
async function trainedOnHeads({ run }: Target): Promise<boolean> {
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
  const channels = inputChannels(target.spec);
  const shown = shownPictures(target.spec, { classes: target.classes, channels, slices, mirror });
  const picture = { ...shown, volume, nan, harmony };
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
  const isVolume = picture.layout === 'volume';
  const tiles = examples.map(({ count }) => (isVolume ? shownSlabs(picture) : count));
  return { images: new ImageSet(subjects, examples, picture), tiles };
}

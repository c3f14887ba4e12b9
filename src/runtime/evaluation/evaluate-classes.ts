import { noProgress } from '../base/logging/progress.ts';
import { channelCount } from '../base/selection/selection.ts';
import { MASKED_TESTS, type MaskedTest } from '../learning/dataset/masked-pictures.ts';
import { openSet } from '../learning/dataset/open-dataset.ts';
import { shownPictures } from '../learning/dataset/shown-pictures.ts';
import { calibrate } from './calibrate.ts';
import { compareScanners } from './compare-scanners.ts';
import type { EvaluateOptions, EvaluateResult, EvaluationWork } from './evaluation-work.ts';
import { type WorstCases, worstCases } from './explain/worst-cases.ts';
import { harmonised } from './harmonised.ts';
import { judgeControls } from './judge-controls.ts';
import type { Judged } from './judged-people.ts';
import type { ClassTarget } from './open-target.ts';
import { judgeOwnModels } from './own-models.ts';
import { judgeLikeness } from './predict/likeness.ts';
import { openPredictor } from './predict/predictor.ts';
import type { EvaluationData, EvaluationRow } from './site-data.ts';
import { summarizeEvaluation } from './summarize.ts';
import { withKeptFeatures } from './with-kept-features.ts';
import { writeEvaluation } from './write-evaluation.ts';

/** A model that tells classes, and the people whom it is judged on. */
export interface ClassRequest {
  readonly target: ClassTarget;
  readonly data: EvaluationData;
  readonly notes: readonly string[];
}

/** Judges the classes that a model tells. @throws NF_PATH_LINK, NF_DATA_*, NF_HARMONISE_PICTURES, NF_ENGINE_* */
export async function evaluateClasses(
  request: ClassRequest,
  options: EvaluateOptions,
): Promise<EvaluateResult> {
  const { target } = request;
  const { data, notes: ruleNotes } = harmonised(request.data, target, options);
  const tested = data.rows.filter(({ part }) => part === options.part);
  const notes = [...request.notes, ...ruleNotes];
  return withKeptFeatures(target, async () => {
    const predictor = await openPredictor(target, options.engine);
    const { progress = noProgress } = options;
    const { spec, classes } = target;
    const { slices, mirror } = options;
    const channels = channelCount(data.selection);
    const images = shownPictures(spec, { classes, channels, slices, mirror });
    const work = { options, target, data, predictor, images, tested, progress };
    try {
      const likeness = options.masked === false ? [] : await likenessNotes(work);
      return await judge(work, [...notes, ...likeness]);
    } finally {
      predictor.dispose();
    }
  });
}

async function judge(work: EvaluationWork, notes: readonly string[]): Promise<EvaluateResult> {
  const { options, data, tested, target } = work;
  const judged = await predictRows(work, tested);
  const validation = await predictRows(
    work,
    data.rows.filter(({ part }) => part === 'validation'),
  );
  const masked: [MaskedTest, Judged][] = [];
  const tests = options.masked === false ? [] : MASKED_TESTS;
  for (const test of tests) masked.push([test, await predictRows(work, tested, test)]);
  const calibration = calibrate(judged, validation, options.part);
  const controls = options.controls
    ? await judgeControls(work)
    : { reason: 'The controls were not asked for (--no-controls).' };
  const cases: WorstCases = await worstCases(work, {
    ...judged,
    ...calibration.calibrated,
    labels: judged.labels,
  });
  const own = await judgeOwnModels(work, judged);
  const harmonisation = await compareScanners(work);
  const findings = { judged, calibration, masked, controls, cases, harmonisation, own, notes };
  const evaluation = summarizeEvaluation(work, findings);
  const folder = await writeEvaluation({ evaluation, cases, judged, calibration, options, target });
  return { folder, evaluation };
}

/** The share of the images that are unlike those of training; nothing where that is not known. */
async function likenessNotes({ data, images, target, tested, options }: EvaluationWork): Promise<string[]> {
  const { likeness, unlike } = await judgeLikeness(target, await openSet(data, tested, images));
  const { threshold, false_alarms: alarms } = likeness;
  if (threshold === null || alarms === null) return [];
  const far = unlike.filter((one) => one.is_unlike).length;
  return [
    `${far} of ${unlike.length} ${options.part} images are unlike those of training (farther than ${threshold.toFixed(1)}); of images like them up to ${Math.round(100 * alarms)} % are`,
  ];
}

/** Probabilities for some people, in their order. */
async function predictRows(
  { data, images, predictor, target, progress, options }: EvaluationWork,
  rows: readonly EvaluationRow[],
  masked?: MaskedTest,
): Promise<Judged> {
  options.signal?.throwIfAborted();
  const set = await openSet(data, rows, images);
  const probabilities = await predictor.predict(set, masked);
  progress({
    what: masked ?? `predictions (${rows[0]?.part ?? 'none'})`,
    done: rows.length,
    total: rows.length,
  });
  return {
    ids: rows.map(({ row }) => row.id),
    sites: rows.map(({ site }) => site),
    groups: rows.map(({ group }) => group),
    labels: Uint8Array.from(rows, ({ label }) => label),
    classes: target.classes.length,
    probabilities,
  };
}

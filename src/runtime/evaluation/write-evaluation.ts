import { dirname, join, resolve } from 'node:path';
import { f64At, u8At } from '../base/at.ts';
import { prettyJson } from '../base/digest.ts';
import { requireOwnPlace, writeInside } from '../base/files/no-links.ts';
import { predictedClass, type Scored } from '../statistics/probabilities.ts';
import type { Calibration } from './calibrate.ts';
import type { ClassEvaluation } from './class-result.ts';
import type { EvaluateOptions } from './evaluation-work.ts';
import { drawOverlay } from './explain/overlay.ts';
import type { WorstCases } from './explain/worst-cases.ts';
import type { Judged } from './judged-people.ts';
import type { TrainedModel } from './open-target.ts';
import { EVALUATION_FILE, EVALUATION_FOLDER, type Evaluation, PREDICTIONS_FILE } from './result.ts';

const OVERLAYS = 'overlays';

/** The folder that is there, and that of the evaluation below it. */
export function placeOf(
  target: TrainedModel,
  { out }: Pick<EvaluateOptions, 'out'>,
): { readonly root: string; readonly below: string } {
  const root = resolve(out ?? target.run?.folder.root ?? dirname(target.file));
  return { root, below: out === undefined ? EVALUATION_FOLDER : '.' };
}

/** Looks, before any work, that what is written will lie where it should. @throws NF_PATH_LINK */
export async function requireEvaluationPlace(
  target: TrainedModel,
  options: Pick<EvaluateOptions, 'out'>,
): Promise<void> {
  const { root, below } = placeOf(target, options);
  await requireOwnPlace(root, join(below, OVERLAYS, PREDICTIONS_FILE));
}

/** Puts an evaluation into its folder, `evaluation.json` last: where it stands, the rest is whole. */
export async function writeEvaluation(what: {
  evaluation: ClassEvaluation;
  cases: WorstCases;
  judged: Judged;
  calibration: Calibration;
  options: EvaluateOptions;
  target: TrainedModel;
}): Promise<string> {
  const { evaluation, cases, judged, calibration, options, target } = what;
  const { root, below } = placeOf(target, options);
  for (const one of cases.explained) {
    await writeInside(root, join(below, OVERLAYS, `${one.id}.png`), await drawOverlay(one));
  }
  const shown = calibration.calibrated ?? judged;
  const table = predictionsTable(judged, shown, evaluation.classes);
  await writeInside(root, join(below, PREDICTIONS_FILE), table);
  return writeJudgement(evaluation, { target, options });
}

/** Without what is of single images. */
export async function writeJudgement(
  evaluation: Evaluation,
  { target, options }: { readonly target: TrainedModel; readonly options: Pick<EvaluateOptions, 'out'> },
): Promise<string> {
  const { root, below } = placeOf(target, options);
  await writeInside(root, join(below, EVALUATION_FILE), prettyJson(evaluation));
  return join(root, below);
}

function predictionsTable(judged: Judged, shown: Scored, classes: readonly string[]): string {
  const header = [
    'participant_id',
    'site',
    'group_id',
    'diagnosis',
    'predicted',
    ...classes.map((name) => `p_${name}`),
  ];
  const rows = judged.ids.map((id, row) => [
    id,
    judged.sites[row],
    judged.groups[row],
    classes[u8At(judged.labels, row)],
    classes[predictedClass(shown.probabilities, row, shown.classes)],
    ...classes.map((_, label) => f64At(shown.probabilities, row * shown.classes + label).toFixed(4)),
  ]);
  return [header, ...rows].map((cells) => `${cells.join('\t')}\n`).join('');
}

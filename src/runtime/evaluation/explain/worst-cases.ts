import { findLesionMask } from '../../../preprocess/picture/lesion-pictures.ts';
import { f64At } from '../../base/at.ts';
import { openSet } from '../../learning/dataset/open-dataset.ts';
import { logLosses, predictedClass } from '../../statistics/probabilities.ts';
import type { ClassEvaluation } from '../class-result.ts';
import type { EvaluationWork } from '../evaluation-work.ts';
import type { Judged } from '../judged-people.ts';
import type { EvaluationRow } from '../site-data.ts';
import { type Explained, explain } from './heat.ts';
import { measureLesionHeat } from './lesion-heat.ts';

/** The predictions that cost most, with what the model went by. */
export interface WorstCases {
  readonly cases: ClassEvaluation['worst_cases'];
  /** Pictures of the cases, in their order. */
  readonly explained: readonly Explained[];
  readonly lesionHeat: ClassEvaluation['lesion_heat'];
}

/** Heat is compared with lesions on at most so many people. */
const MOST_LESIONS = 200;

export async function worstCases(work: EvaluationWork, judged: Judged): Promise<WorstCases> {
  const { target, tested, options } = work;
  const losses = logLosses(judged);
  const order = [...losses.keys()].sort((a, b) => f64At(losses, b) - f64At(losses, a));
  const { probabilities, classes } = judged;
  const worst = order.slice(0, options.cases).flatMap((at) => {
    const row = tested[at];
    return row ? [{ at, row, label: predictedClass(probabilities, at, classes) }] : [];
  });
  const explained = await explainRows(
    work,
    worst.map(({ row }) => row),
    worst.map(({ label }) => label),
  );
  options.signal?.throwIfAborted();
  const cases = worst.map(({ at, row, label }) => ({
    id: row.row.id,
    site: row.site,
    truth: target.classes[row.label] ?? '',
    predicted: target.classes[label] ?? '',
    probability: f64At(probabilities, at * classes + label),
    loss: f64At(losses, at),
    overlay: `overlays/${row.row.id}.png`,
  }));
  return { cases, explained, lesionHeat: await lesionHeat(work) };
}

/** Where the model looks for the true class, beside where the lesion is; null without lesion masks. */
async function lesionHeat(work: EvaluationWork): Promise<ClassEvaluation['lesion_heat']> {
  const { data, images } = work;
  const rows: EvaluationRow[] = [];
  for (const row of work.tested) {
    if (rows.length < MOST_LESIONS && (await findLesionMask(data.root, row.row.id))) rows.push(row);
  }
  const explained = await explainRows(
    work,
    rows,
    rows.map(({ label }) => label),
  );
  return measureLesionHeat(explained, data, images);
}

async function explainRows(
  { data, images, target, predictor }: EvaluationWork,
  rows: readonly EvaluationRow[],
  labels: readonly number[],
): Promise<Explained[]> {
  return explain(await openSet(data, rows, images), labels, { target, engine: predictor.engine });
}

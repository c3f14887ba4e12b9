import { logLosses, predictedClass } from '../statistics/probabilities.ts';
import { type Explained, explain, type Question } from './heat.ts';
import type { Judged } from './judged.ts';
import { measureLesionHeat } from './lesion-heat.ts';
import type { Evaluation } from './result.ts';
import type { EvaluationWork } from './work.ts';

/** The predictions that cost most, with what the model went by. */
export interface WorstCases {
  readonly cases: Evaluation['worst_cases'];
  /** Pictures of the cases, in their order. */
  readonly explained: readonly Explained[];
  readonly lesionHeat: Evaluation['lesion_heat'];
}

/** Heat is compared with lesions on at most so many people. */
const MOST_LESIONS = 200;

export async function worstCases(work: EvaluationWork, judged: Judged): Promise<WorstCases> {
  const { target, data, images, predictor, tested, options } = work;
  const what = { target, engine: predictor.engine, root: data.root, options: images };
  const losses = logLosses(judged);
  const order = [...losses.keys()].sort((a, b) => (losses[b] as number) - (losses[a] as number));
  const { probabilities, classes } = judged;
  const worst = order.slice(0, options.cases).flatMap((at): (Question & { at: number })[] => {
    const row = tested[at];
    return row ? [{ at, row, label: predictedClass(probabilities, at, classes) }] : [];
  });
  const explained = await explain(worst, what);
  options.signal?.throwIfAborted();
  const lesions = tested.slice(0, MOST_LESIONS).map((row) => ({ row, label: row.label }));
  const lesionHeat = (await hasMasks(work))
    ? await measureLesionHeat(await explain(lesions, what), data.root, images)
    : null;
  const cases = worst.map(({ at, row, label }) => ({
    id: row.row.id,
    site: row.site,
    truth: target.classes[row.label] ?? '',
    predicted: target.classes[label] ?? '',
    probability: probabilities[at * classes + label] ?? 0,
    loss: losses[at] ?? 0,
    overlay: `overlays/${row.row.id}.png`,
  }));
  return { cases, explained, lesionHeat };
}

async function hasMasks({ data, tested }: EvaluationWork): Promise<boolean> {
  const { findLesionMask } = await import('../train/dataset/lesion-pictures.ts');
  for (const { row } of tested) if (await findLesionMask(data.root, row.id)) return true;
  return false;
}

import type { ControlScores } from '../learning/controls/control-data.ts';
import { LEAST_A_CLASS } from '../learning/controls/controls.ts';
import { readControlImages } from '../learning/controls/images.ts';
import { runControls } from '../learning/controls/run-controls.ts';
import type { EvaluationWork } from './evaluation-work.ts';

/** What the controls say of the tested people, or why there are none. */
export type JudgedControls = { readonly scores: ControlScores } | { readonly reason: string };

/** Trains the controls on the training parts of all sites and tests them on the people whom the model is tested on. */
export async function judgeControls(work: EvaluationWork): Promise<JudgedControls> {
  const { data, tested, target, options, progress } = work;
  const trained = data.rows.filter(({ part }) => part === 'train');
  const classes = target.classes.length;
  if (trained.length < LEAST_A_CLASS * classes) {
    return {
      reason: 'The data have no training part for the controls to learn from: give the split with --split.',
    };
  }
  const images = await readControlImages([...trained, ...tested], {
    bidsRoot: data.root,
    selection: data.selection,
    slices: options.slices,
    progress,
    signal: options.signal,
  });
  const train = Array.from(trained.keys());
  const test = Array.from(tested.keys(), (row) => trained.length + row);
  const { seed, jobs, signal } = options;
  const all = await runControls(images, { classes, folds: [{ train, test }], seed, jobs, progress, signal });
  const scores = Object.entries(all).map(([name, values]) => [name, values.slice(trained.length * classes)]);
  return { scores: Object.fromEntries(scores) as ControlScores };
}

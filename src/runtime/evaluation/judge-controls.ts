import { canonicalJson } from '../base/digest.ts';
import type { ControlScores } from '../learning/controls/control-data.ts';
import { LEAST_A_CLASS } from '../learning/controls/controls.ts';
import { readControlImages } from '../learning/controls/images.ts';
import { runControls } from '../learning/controls/run-controls.ts';
import type { EvaluateOptions, EvaluationWork } from './evaluation-work.ts';
import type { EvaluationData, EvaluationRow } from './site-data.ts';

interface ControlWork extends Pick<EvaluationWork, 'tested' | 'progress'> {
  readonly data: Pick<EvaluationData, 'root' | 'rows' | 'selection'>;
  readonly target: Pick<EvaluationWork['target'], 'classes'>;
  readonly options: Pick<EvaluateOptions, 'slices' | 'seed' | 'jobs' | 'signal' | 'knownControls'>;
}

/** What the controls say of the tested people, or why there are none. */
export type JudgedControls = { readonly scores: ControlScores } | { readonly reason: string };

/** Trains the controls on the training parts of all sites and tests them on the people whom the model is tested on. */
export async function judgeControls(work: ControlWork): Promise<JudgedControls> {
  const { data, tested, target, options } = work;
  const trained = data.rows.filter(({ part }) => part === 'train');
  const classes = target.classes.length;
  if (trained.length < LEAST_A_CLASS * classes) {
    return {
      reason: 'The data have no training part for the controls to learn from: give the split with --split.',
    };
  }
  const { slices, seed, knownControls: known } = options;
  const asked = [trained, tested].map((rows) => rows.map(({ row, label }) => [row.id, label]));
  const key = canonicalJson({ root: data.root, selection: data.selection, slices, seed, asked });
  const scores = known?.get(key) ?? controlScores(work, trained);
  known?.set(key, scores);
  scores.catch(() => known?.delete(key));
  return { scores: await scores };
}

async function controlScores(work: ControlWork, trained: readonly EvaluationRow[]): Promise<ControlScores> {
  const { data, tested, target, options, progress } = work;
  const classes = target.classes.length;
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
  return Object.fromEntries(scores) as ControlScores;
}

import type { FilesForm, TaskForm, TaskKey } from '../task.ts';

/** What of an evaluation threads that run scripts look at, too: it loads no schemas. */

/** Losses of a site's validation images at some temperatures, by sums. */
export const CURVE = 'evaluate.temperature';
/** A site judges a model on its own test images, and tells sums. */
export const TEST = 'evaluate.test';

/** The file that the second one begins with: losses of all sites. */
export const CURVES = 'losses';
const CURVES_INPUT: FilesForm = { [CURVES]: { form: 'opaque', most: 100_000, optional: true } };

/** Sums over people: all that leaves a site. */
const sums = { most: 200_000 } as const;

/** Whose model it is. */
export const JUDGED_MODELS = ['global'] as const;

/**
 * Tasks of an evaluation at the sites; neuroflare's own code answers, and no script of the job.
 * @param when `after`: of the last model of a training job, beside which figures of its validation stand
 */
export function evaluationTasks(when: TaskForm['when']): Readonly<Record<string, TaskForm>> {
  const about = when === 'after' ? { isAbout: JUDGED_MODELS } : {};
  return {
    [CURVE]: { when, ...about, answer: {}, values: { curve: sums } },
    [TEST]: { when, ...about, inputs: CURVES_INPUT, answer: {}, values: { sums } },
  };
}

export type EvaluationTask = typeof CURVE | typeof TEST;

export function isEvaluationTask(name: string): name is EvaluationTask {
  return name === CURVE || name === TEST;
}

/** What the tasks of a round are about. */
export function judgedIn(when: TaskForm['when']): Pick<TaskKey, 'about'> {
  return when === 'after' ? { about: JUDGED_MODELS[0] } : {};
}

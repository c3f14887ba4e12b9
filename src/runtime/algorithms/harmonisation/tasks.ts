import { TASK_LIMITS } from '../../base/limits.ts';
import { counted } from '../../base/text/counted.ts';
import type { FilesForm, TaskForm } from '../task.ts';
import type { Method, PictureForm } from './record.ts';

/** What of harmonisation threads that run scripts look at, too: it loads no schemas. */

/** The file that tasks begin with once a job's pictures are harmonised, and that its run keeps. */
export const HARMONISATION = 'harmonisation';

/** Its rule: of each site two numbers a landmark. */
export const HARMONISATION_INPUT: FilesForm = {
  [HARMONISATION]: { form: 'opaque', most: TASK_LIMITS.harmonisation_bytes.most, optional: true },
};

export const SCALE = 'harmonise.scale';
export const EFFECTS = 'harmonise.effects';

/** Sums and counts over the training part of a site: all that leaves it. */
const sums = { sums: { most: 200_000 } } as const;
const asked = { when: 'training', isFirst: true, answer: {}, values: sums } as const;

/** What sites are asked for before the first training, by method; neuroflare's own code answers, and no script of the job. */
export const HARMONISE_TASKS = {
  [SCALE]: asked,
  [EFFECTS]: asked,
} as const satisfies Readonly<Record<string, TaskForm>>;
export type HarmoniseTask = keyof typeof HARMONISE_TASKS;

/** What a method asks sites for. */
export function harmoniseTaskOf(method: Method): HarmoniseTask {
  return method === 'nyul' ? SCALE : EFFECTS;
}

export function isHarmoniseTask(name: string): name is HarmoniseTask {
  return Object.hasOwn(HARMONISE_TASKS, name);
}

export function formText({ image_size: side, slices }: PictureForm): string {
  return `pictures of ${side} pixels with ${counted(slices, 'slice')} of a volume`;
}

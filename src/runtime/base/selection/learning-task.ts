import { z } from 'zod';
import { staysInside } from './selection.ts';

/** What is learnt from the images of a data set: the class of each subject or the labels of voxels. */
export const TASK_KINDS = ['classification', 'segmentation'] as const;
export type TaskKind = (typeof TASK_KINDS)[number];

const maskValue = z.int().min(1).max(255);

const labels = z
  .record(z.string().min(1), z.union([z.array(maskValue).min(1), maskValue.transform((value) => [value])]))
  .refine((map) => Object.keys(map).length > 0, 'names no label')
  .superRefine((map, context) => {
    const all = Object.values(map).flat();
    const twice = all.find((value, at) => all.indexOf(value) !== at);
    if (twice !== undefined) context.addIssue({ code: 'custom', message: `gives ${twice} to two labels` });
  });

/** Which masks are learnt from, and what their values stand for; 0 is the background. */
export const maskSelectionSchema = z.strictObject({
  derivative: z
    .string()
    .min(1)
    .refine((name) => staysInside(name) && !/[\\/]/.test(name), 'is the name of a folder in derivatives')
    .optional()
    .describe('folder in derivatives that has the masks, e.g. lesions; default: any that has some'),
  suffix: z
    .enum(['mask', 'dseg'])
    .default('mask')
    .describe('BIDS suffix: mask, or dseg for several labels in one image'),
  desc: z
    .string()
    .regex(/^[0-9A-Za-z+]+$/, 'a value is letters, digits and plus signs')
    .optional()
    .describe('entity desc of the masks; default lesion for mask, any for dseg'),
  missing: z
    .enum(['refuse', 'empty'])
    .default('refuse')
    .describe(
      'images without a mask: refuse names the first and stops; empty takes them as showing no label, for data sets that have masks of the ill alone; default refuse',
    ),
  labels: labels
    .default({ lesion: [1] })
    .describe(
      'names of the labels and their values in the masks, one or a list each: {oedema: 2, core: [1, 3]}; 0 is background, other values are refused; default {lesion: 1}',
    ),
});
export type MaskSelection = z.output<typeof maskSelectionSchema>;

/** Keys of `data` in a job that say what is learnt. */
export const taskKeys = {
  task: z
    .enum(TASK_KINDS)
    .optional()
    .describe(
      'what is learnt: classification (the label of each subject, the default) or segmentation (of voxels, from masks)',
    ),
  masks: maskSelectionSchema.optional().describe('of a segmentation: which masks, with which labels'),
};

interface TaskKeys {
  readonly task?: TaskKind | undefined;
  readonly masks?: MaskSelection | undefined;
}

/** What is learnt, with all that it needs to be told. */
export type LearningTask =
  | { readonly kind: 'classification' }
  | { readonly kind: 'segmentation'; readonly masks: MaskSelection };

/** Keys that do not fit the task. */
export function taskFaults({ task = 'classification', masks }: TaskKeys) {
  const faults: { key: keyof TaskKeys; message: string }[] = [];
  if (masks && task !== 'segmentation')
    faults.push({ key: 'masks', message: `has no meaning for a ${task}: set task to segmentation` });
  return faults;
}

/** The task of keys that have no faults. */
export function learningTaskOf({ task, masks }: TaskKeys): LearningTask {
  if (task === 'segmentation') return { kind: task, masks: masks ?? maskSelectionSchema.parse({}) };
  return { kind: 'classification' };
}

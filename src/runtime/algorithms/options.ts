import { z } from 'zod';
import { EARLY_STOPPING, earlyStoppingFaults } from './early-stopping.ts';
import { METHODS } from './harmonisation/record.ts';
import { MODEL_AVERAGE } from './model-average.ts';
import { PERSONALIZE, personalizeFaults } from './own-models.ts';
import type { OptionFault } from './workflow.ts';

/** Keys that several workflows have: each means the same in all of them. */

export const rate = z.number().positive().max(1e6);

export const share = z
  .number()
  .min(0)
  .max(1)
  .refine((value) => value < 1, { error: 'must be below 1' });

export const SERVER_LEARNING_RATE = {
  server_learning_rate: rate.default(1).describe("the server's learning rate"),
} as const;

export const LOCAL_TENSORS = {
  local_tensors: z
    .array(z.string().min(1).max(1000))
    .max(1000)
    .default([])
    .describe(
      'names of arrays that stay at each site and are averaged with none (FedBN, FedPer); `*` stands for any characters',
    ),
} as const;

export const CROSS_SITE = {
  cross_site_evaluation: z
    .boolean()
    .default(false)
    .describe(
      'whether the last model of each site is scored at all sites in the end; it goes to all of them, which the job must name (--clients) and each must allow (local/site-policy.yml)',
    ),
} as const;

export const HARMONISED = {
  harmonisation: z
    .enum(['none', ...METHODS])
    .default('none')
    .describe(
      'what takes scanners out of the pictures before training, from sums over the training parts of the sites; nyul: the greys of every image come to lie on one scale (Nyul and Udupa 1999); combat: what sites differ by is taken out of them, beside the class (Johnson et al. 2007)',
    ),
} as const;

export const FINAL_EVALUATION = {
  final_evaluation: z
    .boolean()
    .default(false)
    .describe(
      'whether each site judges the last global model on its own test images in the end, beside controls of its own, and tells sums over its people, which are added',
    ),
} as const;

/** How long the global model is trained, and what of it is the last one. */
export const LAST_MODEL = { ...EARLY_STOPPING, ...MODEL_AVERAGE } as const;

/** Of all workflows whose sites train the global model in each round. */
export const ROUNDS = {
  ...CROSS_SITE,
  ...HARMONISED,
  ...LAST_MODEL,
  ...FINAL_EVALUATION,
  ...PERSONALIZE,
} as const;

/** Of the keys that a job has under `workflow`. */
export function roundFaults(given: Readonly<Record<string, unknown>>): readonly OptionFault[] {
  return [...personalizeFaults(given), ...earlyStoppingFaults(given)];
}

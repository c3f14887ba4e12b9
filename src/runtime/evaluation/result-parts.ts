import { z } from 'zod';

export const figure = z.number().nullable();
export const estimateSchema = z
  .object({ value: figure, low: figure, high: figure })
  .describe(
    'a figure with its 95 % interval, images of one group counting as far as they tell of different patients; null where it is not defined',
  );
export type EstimateFigure = z.output<typeof estimateSchema>;

export const count = z.int().nonnegative();

/** What every evaluation says, whatever was learnt. */
export const commonKeys = {
  version: z.literal(1),
  kind: z.literal('neuroflare-evaluation'),
  research_use_only: z.literal(true),
  engine: z.object({ name: z.string(), device: z.string(), library: z.string(), reason: z.string() }),
  software: z.record(z.string(), z.string()),
  seed: count,
  replicates: count,
  notes: z.array(z.string()),
};

/** Of the model that is judged. */
export const modelKeys = {
  file: z.string(),
  sha256: z.string(),
  type: z.string(),
  job: z.string().nullable(),
  run_id: z.string().nullable(),
};

/** Of what it is judged on. */
export const dataKeys = {
  root: z.string().nullable().describe('null: images stayed at their sites'),
  participants_sha256: z.string().nullable(),
  split: z.string().nullable(),
  split_sha256: z.string().nullable(),
  part: z.enum(['validation', 'test']),
  sites: z.array(z.string()),
  subjects: count,
  groups: count,
  largest_group: count.nullable(),
  trained_on: count
    .nullable()
    .describe('subjects in the training parts, which the controls learn from; null: not told'),
};

export const verdictSchema = z.enum([
  'beats_controls',
  'not_shown',
  'below_controls',
  'no_controls',
  'undefined',
]);
export type Verdict = z.output<typeof verdictSchema>;

import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import {
  ALPHA,
  isOfStrategy,
  STRATEGIES,
  STRATEGIES_OF,
  STRATEGY_KEYS,
  USUAL,
} from '../../preprocess/split/strategy.ts';
import { checkYaml } from '../base/files/yaml-check.ts';
import { readYaml, type YamlSource } from '../base/files/yaml-source.ts';
import { BASELINES } from '../evaluation/baselines/result.ts';

const PART = /^[A-Za-z0-9][A-Za-z0-9_-]{0,23}$/;
const part = z.string().regex(PART, 'up to 24 letters, digits, dashes and underscores');
const values = z
  .record(z.string().min(1).max(200), z.json())
  .describe('values of the job by their name or dotted path, as `--set` takes them');
const share = z.number().min(0).lt(1);

const partition = z
  .strictObject({
    sites: z
      .int()
      .min(1)
      .max(1000)
      .optional()
      .describe(`default: ${USUAL.sites}, or those that the column names`),
    strategy: z.enum(STRATEGIES).default('iid'),
    alpha: z
      .number()
      .min(ALPHA.least)
      .lt(ALPHA.below)
      .optional()
      .describe('for dirichlet and quantity: small is uneven'),
    shards_per_site: z
      .int()
      .min(1)
      .max(1000)
      .optional()
      .describe('for shards: classes of each site; default: 2'),
    skew_column: z
      .string()
      .min(1)
      .optional()
      .describe('for dirichlet and shards: sites differ in this column, and not in the classes'),
    site_column: z.string().min(1).optional().describe('for column; default: site'),
    min_groups: z.int().min(1).optional().describe('groups (patients) that each site must have'),
  })
  .superRefine((rule, { addIssue }) => {
    for (const key of STRATEGY_KEYS)
      if (rule[key] !== undefined && !isOfStrategy(key, rule.strategy))
        addIssue({
          code: 'custom',
          path: [key],
          message: `belongs to the strategy ${STRATEGIES_OF[key].join(' or ')}`,
        });
  });
export type PartitionRule = z.output<typeof partition>;

/** A file of an experiment: a grid over one job. */
export const experimentSchema = z
  .strictObject({
    version: z.literal(1),
    name: part.describe('the first part of the name of each run'),
    job: z.string().min(1).describe('job folder, from the folder of this file'),
    set: values.default({}).describe('values of every run'),
    partitions: z
      .record(part, partition)
      .optional()
      .describe("ways to deal the job's images to sites; none: the job's own split"),
    validation: share.default(0.15).describe('share of the images to validate on, in each partition'),
    test: share.default(0.15).describe('share of the images to test on, in each partition'),
    folds: z
      .int()
      .min(2)
      .max(100)
      .optional()
      .describe('in place of `test`: the n-th seed tests on the n-th of so many folds'),
    variants: z
      .record(part, values)
      .default({ job: {} })
      .describe(
        'what is compared: names, and the values of each; the first is what the others are held against',
      ),
    grid: z
      .record(z.string().min(1).max(200), z.array(z.json()).min(1).max(100))
      .default({})
      .describe('values by name, of which every combination is run'),
    seeds: z.array(z.int().min(0).max(4_294_967_295)).min(1).max(100).default([1]),
    baselines: z.array(z.enum(BASELINES)).max(3).default([]),
    baseline_recipe: z
      .enum(['own', 'first'])
      .default('own')
      .describe(
        'whose recipe trains the baselines: `own` that of each run; `first` that of the first variant, once for all variants of the same partition, values and seed',
      ),
  })
  .refine(({ variants }) => Object.keys(variants).length > 0, {
    path: ['variants'],
    message: 'names none',
  })
  .refine(({ partitions }) => partitions === undefined || Object.keys(partitions).length > 0, {
    path: ['partitions'],
    message: 'names none',
  })
  .refine(({ seeds }) => new Set(seeds).size === seeds.length, {
    path: ['seeds'],
    message: 'names one twice',
  })
  .refine(({ folds, seeds }) => folds === undefined || seeds.length <= folds, {
    path: ['folds'],
    message: 'are fewer than the seeds, each of which tests on a fold of its own',
  })
  .refine(({ validation, test, folds }) => validation + (folds ? 1 / folds : test) <= 1 - 1e-9, {
    path: ['validation'],
    message: 'leaves nothing to train on',
  });
export type Experiment = z.output<typeof experimentSchema>;

/** An experiment as it was read. */
export interface LoadedExperiment {
  readonly definition: Experiment;
  readonly source: YamlSource;
  /** Absolute. */
  readonly job: string;
}

/** @throws NF_PATH_MISSING, NF_EXPERIMENT_YAML, NF_EXPERIMENT with line, column and key */
export async function readExperiment(path: string): Promise<LoadedExperiment> {
  const source = await readYaml(path, 'NF_EXPERIMENT_YAML');
  const definition = checkYaml(experimentSchema, source, { code: 'NF_EXPERIMENT', what: 'the file' });
  return { definition, source, job: resolve(dirname(path), definition.job) };
}

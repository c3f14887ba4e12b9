import { z } from 'zod';
import { flError } from '../base/errors/errors.ts';
import { firstOf } from '../base/text/first-of.ts';
import { matcherOf } from '../base/text/name-patterns.ts';

/**
 * Filters of results, as a job and a site's policy name them (nvflare's `task_result_filters`): what may be said of each. What they do
 * stands in `site/filters`.
 */

const pattern = z.string().min(1).max(1000);

export const RESULT_FILTER_OPTIONS = {
  exclude_vars: z
    .strictObject({
      name: z.literal('exclude_vars'),
      exclude_vars: z
        .union([pattern, z.array(pattern).min(1).max(1000)])
        .describe('names of arrays that stay at the site; `*` stands for any characters'),
    })
    .describe(
      'leaves arrays out of an update; the global model keeps what it had of those that no site sends',
    ),
  norm_clip: z
    .strictObject({
      name: z.literal('norm_clip'),
      max_norm: z
        .number()
        .positive()
        .max(1e30)
        .describe(
          'most that an update may differ from the received model, in the L2 norm over all its float arrays',
        ),
    })
    .describe('shrinks an update that differs by more, in its direction (McMahan et al. 2018)'),
} as const;

/** How updates travel in fewer bytes; a job has one of them, behind its filters. */
export const PACKING_OPTIONS = {
  float16: z
    .strictObject({ name: z.literal('float16') })
    .describe('sends differences as numbers of 16 bits, each array with a scale of its own'),
  int8: z
    .strictObject({
      name: z.literal('int8'),
      rounding: z
        .enum(['stochastic', 'nearest'])
        .default('stochastic')
        .describe(
          'stochastic: up or down by chance from the seed of the task, so that the mean is right; nearest: always to the nearest',
        ),
    })
    .describe(
      'sends differences as whole numbers from -127 to 127, each array with a scale of its own (Alistarh et al. 2017)',
    ),
  top_k: z
    .strictObject({
      name: z.literal('top_k'),
      ratio: z
        .number()
        .positive()
        .max(0.5)
        .default(0.05)
        .describe('the share of the numbers of each array that travels, rounded up'),
    })
    .describe(
      'sends the largest differences of each array with their places; the site adds what did not travel to its next update (error feedback: Stich et al. 2018, Karimireddy et al. 2019)',
    ),
} as const;

export type ResultFilterName = keyof typeof RESULT_FILTER_OPTIONS;
export type PackingName = keyof typeof PACKING_OPTIONS;

const { exclude_vars, norm_clip } = RESULT_FILTER_OPTIONS;
const { float16, int8, top_k } = PACKING_OPTIONS;

const MOST_FILTERS = 16;

/** Those of a site, in the order in which they are applied. */
export const resultFilters = z
  .array(z.discriminatedUnion('name', [exclude_vars, norm_clip]))
  .max(MOST_FILTERS)
  .default([]);

export type ResultFilterSpec = z.output<typeof resultFilters>[number];

const jobFilter = z.discriminatedUnion('name', [exclude_vars, norm_clip, float16, int8, top_k]);
type JobFilterSpec = z.output<typeof jobFilter>;
export type PackingSpec = Exclude<JobFilterSpec, ResultFilterSpec>;

/** Those of a job, in the order in which they are applied: the last one may pack. */
export const jobResultFilters = z
  .array(jobFilter)
  .max(MOST_FILTERS)
  .superRefine((filters, context) => {
    const packing = filters.findIndex(isPacking);
    if (packing === -1) return;
    const clip = filters.findIndex(({ name }) => name === 'norm_clip');
    const { name } = filters[packing] ?? { name: '' };
    if (packing < filters.length - 1)
      context.addIssue({
        code: 'custom',
        path: [packing],
        message: `${name} packs what is sent: it must be the last filter, and the only one that packs`,
      });
    else if (clip !== -1)
      context.addIssue({
        code: 'custom',
        path: [clip],
        message: `norm_clip has no meaning beside ${name}: what is packed may be longer than max_norm`,
      });
  })
  .default([]);

function isPacking(filter: JobFilterSpec): filter is PackingSpec {
  return Object.hasOwn(PACKING_OPTIONS, filter.name);
}

/** What a job says, in its two parts. */
export function partedFilters(filters: readonly JobFilterSpec[]): {
  readonly resultFilters: readonly ResultFilterSpec[];
  readonly packing: PackingSpec | undefined;
} {
  return {
    resultFilters: filters.filter((filter): filter is ResultFilterSpec => !isPacking(filter)),
    packing: filters.find(isPacking),
  };
}

/** What was said of a filter of this name. */
export type ResultFilterOptions<Name extends ResultFilterName = ResultFilterName> = Extract<
  ResultFilterSpec,
  { name: Name }
>;

/** Tells whether a name is meant by one of the patterns of `exclude_vars`. */
export function exclusionOf({
  exclude_vars: patterns,
}: ResultFilterOptions<'exclude_vars'>): (name: string) => boolean {
  return matcherOf([patterns].flat());
}

/** Refuses a job whose filters exclude nothing, or everything, of its model. @throws NF_JOB_FILTER */
export function requireUsefulFilters(filters: readonly ResultFilterSpec[], names: readonly string[]): void {
  let left = names;
  for (const [index, filter] of filters.entries()) {
    if (filter.name !== 'exclude_vars') continue;
    const patterns = firstOf([filter.exclude_vars].flat());
    const refuse = (reason: string) =>
      flError(
        'NF_JOB_FILTER',
        { filter: filter.name, reason },
        { place: { key: `task_result_filters.${index}` } },
      );
    const isExcluded = exclusionOf(filter);
    const kept = left.filter((name) => !isExcluded(name));
    if (kept.length === left.length)
      throw refuse(`no array has a name like ${patterns}; there are ${firstOf(left)}`);
    if (kept.length === 0) throw refuse(`with ${patterns} no array is left to send`);
    left = kept;
  }
}

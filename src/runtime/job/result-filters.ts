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

export type ResultFilterName = keyof typeof RESULT_FILTER_OPTIONS;

const { exclude_vars, norm_clip } = RESULT_FILTER_OPTIONS;

/** In the order in which they are applied. */
export const resultFilters = z
  .array(z.discriminatedUnion('name', [exclude_vars, norm_clip]))
  .max(16)
  .default([]);

export type ResultFilterSpec = z.output<typeof resultFilters>[number];
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

import type { ResultFilterName } from '../../job/result-filters.ts';
import { excludeVars } from './exclude-vars.ts';
import type { ResultFilter } from './filter.ts';
import { normClip } from './norm-clip.ts';

/** What the filters do that a job or a policy names; what may be said of each stands in `job/result-filters.ts`. */
export const RESULT_FILTERS: { readonly [Name in ResultFilterName]: ResultFilter<Name> } = {
  exclude_vars: excludeVars,
  norm_clip: normClip,
};

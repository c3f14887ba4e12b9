import { flError } from '../base/errors/errors.ts';
import type { JobDefinition } from './definition.ts';
import { hasOwnModels } from './workflow-tasks.ts';

/** Refuses to keep what does not travel where the sites of a job keep models of their own. @throws NF_JOB_FILTER */
export function requirePackable({
  packing,
  resultFilters,
  workflow,
}: Pick<JobDefinition, 'packing' | 'resultFilters' | 'workflow'>): void {
  if (packing?.name !== 'top_k' || !hasOwnModels(workflow)) return;
  const reason =
    'a site that keeps models of its own (personalize_rounds, ditto) keeps nothing beside them that did not travel; take float16 or int8';
  const place = { key: `task_result_filters.${resultFilters.length}` };
  throw flError('NF_JOB_FILTER', { filter: packing.name, reason }, { place });
}

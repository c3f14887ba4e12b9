import type { WorkflowDefinition } from './definition.ts';

/** Whether the last model of each site goes to all sites, to be scored there. */
export function isCrossSite({ options }: Pick<WorkflowDefinition, 'options'>): boolean {
  return 'cross_site_evaluation' in options && options.cross_site_evaluation;
}

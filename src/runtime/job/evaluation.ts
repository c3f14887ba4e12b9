import type { WorkflowDefinition } from './definition.ts';

/** Whether sites judge a model of the job on their own test images. */
export function isJudgedAtSites({ type, options }: Pick<WorkflowDefinition, 'type' | 'options'>): boolean {
  return type === 'evaluation' || ('final_evaluation' in options && options.final_evaluation);
}

import { flError } from '../base/errors/errors.ts';
import type { WorkflowDefinition } from './definition.ts';
import { requireMeant } from './local-tensors.ts';

type Workflow = Pick<WorkflowDefinition, 'options'>;

/** Patterns of the arrays that a personal model is trained in; undefined: in all of them. */
export function personalTensorsOf({ options }: Workflow): readonly string[] | undefined {
  const patterns = 'personalize_tensors' in options ? options.personalize_tensors : [];
  return patterns.length > 0 ? patterns : undefined;
}

/** @throws NF_JOB_PERSONAL_TENSORS where a pattern means no array of a model */
export function requirePersonalTensors(workflow: Workflow, names: readonly string[]): void {
  requireMeant(personalTensorsOf(workflow) ?? [], names, (reason) =>
    flError('NF_JOB_PERSONAL_TENSORS', { reason }, { place: { key: 'workflow.personalize_tensors' } }),
  );
}

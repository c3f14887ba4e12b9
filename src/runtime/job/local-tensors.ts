import { flError } from '../base/errors/errors.ts';
import { firstOf } from '../base/text/first-of.ts';
import { matcherOf } from '../base/text/name-patterns.ts';
import type { WorkflowDefinition } from './definition.ts';

/** Patterns of the arrays that stay at each site, where the job's workflow has some. */
export function localTensorsOf({ options }: Pick<WorkflowDefinition, 'options'>): readonly string[] {
  return 'local_tensors' in options ? options.local_tensors : [];
}

/** The arrays that leave a site. @throws NF_JOB_LOCAL_TENSORS where a pattern means none of a model, or all of them do */
export function sharedNames(
  workflow: Pick<WorkflowDefinition, 'options'>,
  names: readonly string[],
): string[] {
  const patterns = localTensorsOf(workflow);
  const refuse = (reason: string) =>
    flError('NF_JOB_LOCAL_TENSORS', { reason }, { place: { key: 'workflow.local_tensors' } });
  requireMeant(patterns, names, refuse);
  const isLocal = matcherOf(patterns);
  const shared = names.filter((name) => !isLocal(name));
  if (shared.length === 0 && names.length > 0) throw refuse('no array is left to average');
  return shared;
}

/** The arrays that stay at each site, in the order of the names. */
export function localNames(
  workflow: Pick<WorkflowDefinition, 'options'>,
  names: readonly string[],
): string[] {
  return names.filter(matcherOf(localTensorsOf(workflow)));
}

/** @throws what `refuse` makes of a pattern that means no array */
export function requireMeant(
  patterns: readonly string[],
  names: readonly string[],
  refuse: (reason: string) => Error,
): void {
  const idle = patterns.find((pattern) => !names.some(matcherOf([pattern])));
  if (idle !== undefined) throw refuse(`no array has a name like ${idle}; there are ${firstOf(names)}`);
}

import type { Method } from '../algorithms/harmonisation/record.ts';
import type { WorkflowDefinition } from './definition.ts';

/** What takes scanners out of the pictures before training; undefined: nothing. */
export function harmonisationOf({ options }: Pick<WorkflowDefinition, 'options'>): Method | undefined {
  const method = 'harmonisation' in options ? options.harmonisation : 'none';
  return method === 'none' ? undefined : method;
}

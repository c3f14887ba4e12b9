import type { Intake } from '../../../federation/intake/intake.ts';
import type { CheckedJob } from '../../../federation/intake/operations.ts';

export interface JobCheck {
  /** Where what others submitted is opened and checked. */
  readonly intake: Intake;
  readonly mostModelBytes: number;
}

/** Reads a job in a thread that cannot hold up this one, whatever is in it. @param at.modelComesApart its model of round 0 is not among its files */
export function checkJob(
  { intake, mostModelBytes }: JobCheck,
  { folder, modelComesApart }: { readonly folder: string; readonly modelComesApart: boolean },
  signal?: AbortSignal,
): Promise<CheckedJob> {
  return intake.run('load', { folder, rules: { modelComesApart, mostModelBytes } }, signal);
}

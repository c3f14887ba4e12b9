import { JOB_LIMITS } from '../../job/limits.ts';
import { flError, toNeuroflareError } from '../../kernel/errors.ts';
import { GuardedThread } from '../../kernel/guarded-thread.ts';
import { MODULE_EXTENSION } from '../../kernel/module-file.ts';
import type { INTAKE } from './operations.ts';

/** Where the jobs of others are opened. */
export type Intake = GuardedThread<typeof INTAKE>;

const ENTRY = new URL(`./intake-entry${MODULE_EXTENSION}`, import.meta.url);

/** A thread that opens jobs within the limits of `JOB_LIMITS`. */
export function openIntake({ seconds = JOB_LIMITS.seconds.most }: { seconds?: number } = {}): Intake {
  return new GuardedThread({
    entry: ENTRY,
    seconds,
    megabytes: JOB_LIMITS.megabytes.most,
    onLimit: (reason) => flError('NF_JOB_CHECK', { reason }),
    // Its form was looked at, and nothing else.
    isHarmless: (thrown) => toNeuroflareError(thrown).code === 'NF_REQUEST_FORM',
  });
}

import { flError, toNeuroflareError } from '../../base/errors/errors.ts';
import { MODULE_EXTENSION } from '../../base/files/module-file.ts';
import { GuardedThread } from '../../base/threads/guarded-thread.ts';
import { JOB_LIMITS } from '../../job/limits.ts';
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

import { setTimeout as sleep } from 'node:timers/promises';
import { type NeuroflareError, toNeuroflareError } from '../../../base/errors/errors.ts';
import { isOfTheMachine } from './machine-failures.ts';

const AGAIN_MS = 3000;

/** What fails for this machine's sake is done again, until somebody has mended it. Other failures are thrown. */
export async function untilMended(
  work: () => Promise<void>,
  { onTrouble, signal }: { onTrouble: (error: NeuroflareError) => void; signal: AbortSignal },
): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (thrown) {
      const error = toNeuroflareError(thrown);
      signal.throwIfAborted();
      if (!isOfTheMachine(error)) throw error;
      onTrouble(error);
      await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
      signal.throwIfAborted();
    }
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { type NeuroflareError, toNeuroflareError } from '../../../base/errors/errors.ts';
import { isOfThisMachine } from '../../../network/transfer/failures.ts';

/** Between two tries. */
const ROOM_MS = 3000;

/** This machine keeps work from being done, for want of room say; undefined when it no longer does. */
export type OnTrouble = (error: NeuroflareError | undefined) => void;

/** Does work that needs this machine's disk, again and again while that fails. @throws all else, or the reason of the signal */
export async function whenRoom<Result>(
  work: () => Promise<Result>,
  { onTrouble, signal }: { onTrouble: OnTrouble; signal: AbortSignal },
): Promise<Result> {
  for (;;) {
    try {
      const result = await work();
      onTrouble(undefined);
      return result;
    } catch (thrown) {
      signal.throwIfAborted();
      const error = toNeuroflareError(thrown);
      if (!isOfThisMachine(error)) throw error;
      onTrouble(error);
      await sleep(ROOM_MS, undefined, { signal }).catch(() => undefined);
      signal.throwIfAborted();
    }
  }
}

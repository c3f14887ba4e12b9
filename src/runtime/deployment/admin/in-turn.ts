import { setTimeout as sleep } from 'node:timers/promises';
import { toNeuroflareError } from '../../base/errors/errors.ts';

/** Between two tries, and how long they go on. */
const LOOK_MS = 250;
const MOST_MS = 60_000;

/** Does what the server takes one after another of a user: several commands of one user wait for each other here. @throws NF_AT_ONCE after a minute */
export async function inTurn<Result>(work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
  const ends = performance.now() + MOST_MS;
  for (;;) {
    try {
      return await work();
    } catch (thrown) {
      if (toNeuroflareError(thrown).code !== 'NF_AT_ONCE' || performance.now() > ends) throw thrown;
      await sleep(LOOK_MS, undefined, { signal });
    }
  }
}

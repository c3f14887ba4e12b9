import { getEnvironmentData, setEnvironmentData, threadId } from 'node:worker_threads';
import { DATA_LIMITS } from '../limits.ts';

/** What is smaller is decoded at once; a slice of a scan has a hundredth of it. */
const SMALL_BYTES = 2 ** 26;
const UNIT = 2 ** 20;
const MOST_UNITS = DATA_LIMITS.decoded_bytes.most / UNIT;
/** Units in use, then those that each thread holds. */
const USED = 0;
const THREADS = 1023;
/** A wake-up that is lost costs this much. */
const LOOK_AGAIN_MS = 1000;

const KEY = 'neuroflare: memory for what is decoded';

/** The first thread of a process makes it, and the threads it starts have the same. */
const shared = new Int32Array(sharedMemory());

function sharedMemory(): SharedArrayBuffer {
  const there = getEnvironmentData(KEY);
  if (there instanceof SharedArrayBuffer) return there;
  const made = new SharedArrayBuffer((1 + THREADS) * Int32Array.BYTES_PER_ELEMENT);
  setEnvironmentData(KEY, made);
  return made;
}

/**
 * Does work that needs so much memory for a while when the threads of this process together have room for it: each of them may decode what
 * is large, but not all at the same time. Within `work` nothing may wait for memory again.
 */
export async function withMemory<Value>(bytes: number, work: () => Promise<Value>): Promise<Value> {
  if (bytes < SMALL_BYTES) return work();
  const units = Math.min(Math.ceil(bytes / UNIT), MOST_UNITS);
  await take(units);
  try {
    return await work();
  } finally {
    give(threadId, units);
  }
}

/** Gives back what a thread held that was ended. */
export function releaseMemoryOf(thread: number): void {
  give(thread, Atomics.load(shared, slotOf(thread)));
}

async function take(units: number): Promise<void> {
  for (;;) {
    const used = Atomics.load(shared, USED);
    if (used + units > MOST_UNITS) {
      await Atomics.waitAsync(shared, USED, used, LOOK_AGAIN_MS).value;
    } else if (Atomics.compareExchange(shared, USED, used, used + units) === used) {
      Atomics.add(shared, slotOf(threadId), units);
      return;
    }
  }
}

function give(thread: number, units: number): void {
  Atomics.sub(shared, slotOf(thread), units);
  Atomics.sub(shared, USED, units);
  Atomics.notify(shared, USED);
}

function slotOf(thread: number): number {
  return 1 + (thread % THREADS);
}

/** Whether a machine, or a limit set for this process, had no room for an array. */
export function isOutOfMemory(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const { code } = thrown as NodeJS.ErrnoException;
  if (code === 'ENOMEM' || code === 'ERR_MEMORY_ALLOCATION_FAILED') return true;
  return thrown instanceof RangeError && /allocat|array (buffer )?length/i.test(thrown.message);
}

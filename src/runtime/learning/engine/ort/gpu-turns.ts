import { setTimeout as sleep } from 'node:timers/promises';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

/** One cell a GPU, 1 while a thread computes on it. Threads find it in the data that they inherit from who started them. */
type Turns = Int32Array<SharedArrayBuffer>;

const KEY = 'neuroflare.gpu-turns';
const GPUS = 64;
/** To see now and then whether the holder has ended without a word. */
const LONGEST_WAIT = 1000;

/** Makes the threads that are started from now on take turns on each GPU: their steps, and their memory for these, follow one another. */
export function shareGpus(): void {
  if (!(getEnvironmentData(KEY) instanceof SharedArrayBuffer)) {
    setEnvironmentData(KEY, new SharedArrayBuffer(GPUS * Int32Array.BYTES_PER_ELEMENT));
  }
}

/** Runs work while no other thread computes on the GPU. */
export async function inTurn<T>(
  gpu: { readonly index: number } | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const turns = gpu && sharedTurns();
  if (!turns) return work();
  const cell = gpu.index % GPUS;
  while (Atomics.compareExchange(turns, cell, 0, 1) !== 0) {
    const waiting = Atomics.waitAsync(turns, cell, 1, LONGEST_WAIT);
    if (waiting.async) await waiting.value;
    else await sleep(1);
  }
  try {
    return await work();
  } finally {
    Atomics.store(turns, cell, 0);
    Atomics.notify(turns, cell, 1);
  }
}

function sharedTurns(): Turns | undefined {
  const buffer = getEnvironmentData(KEY);
  return buffer instanceof SharedArrayBuffer ? new Int32Array(buffer) : undefined;
}

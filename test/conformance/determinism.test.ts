import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { trainingDigest } from './train-in-thread.ts';

async function inWorker(threads: number): Promise<unknown> {
  const worker = new Worker(new URL('./train-in-thread.ts', import.meta.url), { workerData: threads });
  const [digest] = await once(worker, 'message');
  await worker.terminate();
  return digest;
}

describe('the ort engine gives the same bits', () => {
  it('with one thread and with two, in the main thread and in workers side by side', async () => {
    const alone = await trainingDigest(1);
    const others = await Promise.all([inWorker(1), inWorker(1), inWorker(2)]);
    expect(others).toEqual([alone, alone, alone]);
    expect(await trainingDigest(2)).toBe(alone);
  });
});

import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { DATA_LIMITS } from '../../../../src/runtime/base/limits.ts';
import {
  isOutOfMemory,
  releaseMemoryOf,
  withMemory,
} from '../../../../src/runtime/base/threads/memory-share.ts';

const { most } = DATA_LIMITS.decoded_bytes;
const MODULE = new URL('../../../../src/runtime/base/threads/memory-share.ts', import.meta.url).href;

/** Work that goes on until it is told to end. */
function held(bytes: number) {
  let end: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    end = resolve;
  });
  let isRunning = false;
  const done = withMemory(bytes, () => {
    isRunning = true;
    return gate;
  });
  return { end, done, isRunning: () => isRunning };
}

async function settle() {
  for (let count = 0; count < 20; count++) await turn();
}

/** A thread that takes memory and keeps it. */
async function holder(bytes: number): Promise<Worker> {
  const code = `
    import { parentPort } from 'node:worker_threads';
    import { withMemory } from ${JSON.stringify(MODULE)};
    await withMemory(${bytes}, () => {
      parentPort.postMessage('has it');
      return new Promise((done) => parentPort.once('message', done));
    });`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  const thread = new Worker(url);
  await once(thread, 'message');
  return thread;
}

describe('memory that threads share', () => {
  it('is had by as many as it is enough for; others wait for their turn', async () => {
    const [first, second, third] = [held(most / 2), held(most / 2), held(most / 2)];
    await settle();
    expect([first, second, third].map((one) => one.isRunning())).toEqual([true, true, false]);
    first.end();
    await first.done;
    await third.end();
    await third.done;
    second.end();
    await second.done;
  });

  it('is not waited for by what is small, nor by more than there is', async () => {
    const all = held(most);
    expect(await withMemory(1_000_000, async () => 'small')).toBe('small');
    all.end();
    await all.done;
    expect(await withMemory(10 * most, async () => 'alone')).toBe('alone');
  });

  it('comes back from work that fails', async () => {
    for (let count = 0; count < 3; count++)
      await expect(withMemory(most, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await withMemory(most, async () => 1)).toBe(1);
  });

  it('is one for all threads of a process, and comes back from one that ends or is ended', async () => {
    for (const how of ['ends', 'is ended'] as const) {
      const thread = await holder(most);
      const { threadId } = thread;
      const here = held(most);
      await settle();
      expect(here.isRunning()).toBe(false);
      if (how === 'ends') {
        thread.postMessage('go');
        await once(thread, 'exit');
      } else {
        await thread.terminate();
        releaseMemoryOf(threadId);
      }
      here.end();
      await here.done;
    }
  });
});

it('what has no room is known by its error', () => {
  const failed = (make: () => unknown) => {
    try {
      return make();
    } catch (thrown) {
      return thrown;
    }
  };
  expect(isOutOfMemory(failed(() => new ArrayBuffer(2 ** 52)))).toBe(true);
  expect(isOutOfMemory(Object.assign(new Error('x'), { code: 'ENOMEM' }))).toBe(true);
  expect(isOutOfMemory(new RangeError('Failed to allocate memory'))).toBe(true);
  expect(isOutOfMemory(failed(() => (1).toFixed(200)))).toBe(false);
  expect(isOutOfMemory('memory')).toBe(false);
});

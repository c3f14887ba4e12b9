import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { atNextRing, Bell } from '../../../../src/runtime/base/threads/bell.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Whether a wait is over by now. */
function watch(wait: Promise<void>): () => Promise<boolean> {
  let isOver = false;
  void wait.then(() => {
    isOver = true;
  });
  return async () => {
    await vi.advanceTimersByTimeAsync(0);
    return isOver;
  };
}

describe('who waits for a bell', () => {
  it('goes on when it rings and there is news', async () => {
    const bell = new Bell();
    let news = false;
    const isOver = watch(bell.wait(60, { isNews: () => news }));
    bell.ring();
    expect(await isOver()).toBe(false);
    news = true;
    expect(await isOver()).toBe(false);
    bell.ring();
    expect(await isOver()).toBe(true);
  });

  it('goes on at once when the news is there already', async () => {
    expect(await watch(new Bell().wait(60, { isNews: () => true }))()).toBe(true);
  });

  it.each([0, -1])('goes on at once with %d seconds', async (seconds) => {
    expect(await watch(new Bell().wait(seconds, { isNews: () => false }))()).toBe(true);
  });

  it('goes on when the time is over, and not before', async () => {
    const isOver = watch(new Bell().wait(0.5, { isNews: () => false }));
    await vi.advanceTimersByTimeAsync(499);
    expect(await isOver()).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await isOver()).toBe(true);
  });

  it('goes on when it is stopped, or was stopped before', async () => {
    const stop = new AbortController();
    const isOver = watch(new Bell().wait(60, { isNews: () => false, signal: stop.signal }));
    expect(await isOver()).toBe(false);
    stop.abort();
    expect(await isOver()).toBe(true);
    expect(await watch(new Bell().wait(60, { isNews: () => false, signal: stop.signal }))()).toBe(true);
  });

  it('is one of many: all of them hear it', async () => {
    const bell = new Bell();
    const all = Array.from({ length: 5 }, () => watch(bell.wait(60, { isNews: atNextRing() })));
    bell.ring();
    expect(await Promise.all(all.map((isOver) => isOver()))).toEqual([true, true, true, true, true]);
  });

  it('leaves no timer and no listener behind', async () => {
    const bell = new Bell();
    const stop = new AbortController();
    const added = vi.spyOn(stop.signal, 'addEventListener');
    const removed = vi.spyOn(stop.signal, 'removeEventListener');
    let looks = 0;
    const wait = bell.wait(60, { isNews: () => looks++ > 0, signal: stop.signal });
    bell.ring();
    await wait;
    expect(vi.getTimerCount()).toBe(0);
    expect(removed).toHaveBeenCalledTimes(added.mock.calls.length);
    bell.ring();
    expect(looks).toBe(2);
  });

  it('may ring the bell for others, and wait again', async () => {
    const bell = new Bell();
    const order: string[] = [];
    const first = bell.wait(60, { isNews: atNextRing() }).then(() => {
      order.push('first');
      bell.ring();
    });
    bell.ring();
    const second = bell.wait(60, { isNews: atNextRing() }).then(() => void order.push('second'));
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
  });

  it('for whatever rings next does not take what rang before', async () => {
    const bell = new Bell();
    bell.ring();
    const isOver = watch(bell.wait(60, { isNews: atNextRing() }));
    expect(await isOver()).toBe(false);
    bell.ring();
    expect(await isOver()).toBe(true);
  });
});

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Pace } from '../../../../src/runtime/base/threads/pace.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('lets so many through at once, and then so many in a second', () => {
  const pace = new Pace({ atOnce: 3, perSecond: 2 });
  expect([1, 2, 3, 4, 5].map(() => pace.take())).toEqual([0, 0, 0, 500, 1000]);
  vi.advanceTimersByTime(1000);
  expect(pace.take()).toBe(500);
  vi.advanceTimersByTime(60_000);
  expect([1, 2, 3, 4].map(() => pace.take())).toEqual([0, 0, 0, 500]);
});

it('says whether one is due, and takes it only then', () => {
  const pace = new Pace({ atOnce: 2, perSecond: 0.1 });
  expect([1, 2, 3, 4].map(() => pace.isDue())).toEqual([true, true, false, false]);
  vi.advanceTimersByTime(10_000);
  expect([1, 2].map(() => pace.isDue())).toEqual([true, false]);
});

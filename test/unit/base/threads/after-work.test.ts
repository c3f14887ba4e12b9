import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { afterWork } from '../../../../src/runtime/base/threads/after-work.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Seconds of the clock after which 60 seconds of work are over, where the process computes for this share of the time. */
function endOf(share: number): number {
  const began = performance.now();
  const now = () => (performance.now() - began) / 1000;
  const ended: number[] = [];
  afterWork(
    60,
    () => ended.push(now()),
    () => share * now(),
  );
  vi.advanceTimersByTime(3_600_000);
  expect(ended).toHaveLength(1);
  return ended[0] ?? Number.NaN;
}

describe('a limit of work', () => {
  it('is one of the clock where the machine does nothing else', () => {
    expect(endOf(1.001)).toBeCloseTo(60, 6);
  });

  it('never comes before it, however many threads compute', () => {
    expect(endOf(8)).toBeCloseTo(60, 6);
  });

  it('waits where the machine is busy: what was given little time has done little', () => {
    expect(endOf(0.25)).toBeGreaterThanOrEqual(240);
    expect(endOf(0.25)).toBeLessThan(250);
  });

  it('ends what does not work at all', () => {
    expect(endOf(0)).toBeGreaterThanOrEqual(600);
    expect(endOf(0)).toBeLessThan(660);
  });

  it('is called off', () => {
    const end = vi.fn();
    afterWork(60, end, () => 0)();
    vi.advanceTimersByTime(3_600_000);
    expect(end).not.toHaveBeenCalled();
  });
});

import { describe, expect, it } from 'vitest';
import { createRandom, deriveSeed } from '../../../src/runtime/base/random.ts';

const draw = (count: number, make: () => number) => Array.from({ length: count }, make);
const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;

describe('a seed', () => {
  it('is the same for the same parts, on every platform', () => {
    expect(deriveSeed(0, 'job', 'site-1', 1)).toBe(deriveSeed(0, 'job', 'site-1', 1));
    expect(deriveSeed(0, 'hello-fedavg-numpy', 'site-1', 1)).toMatchInlineSnapshot(`2106367492`);
  });

  it('differs for every part', () => {
    const seeds = [
      deriveSeed(0, 'job', 'site-1', 1),
      deriveSeed(1, 'job', 'site-1', 1),
      deriveSeed(0, 'jobs', 'site-1', 1),
      deriveSeed(0, 'job', 'site-2', 1),
      deriveSeed(0, 'job', 'site-1', 2),
      deriveSeed(0, 'jobsite-1', 1),
      deriveSeed('0', 'job', 'site-1', 1),
    ];
    expect(new Set(seeds).size).toBe(seeds.length);
  });
});

describe('random numbers', () => {
  it('repeat with their seed', () => {
    const [one, same, other] = ['a', 'a', 'b'].map((seed) => draw(20, createRandom(seed).next));
    expect(one).toEqual(same);
    expect(one).not.toEqual(other);
  });

  it('lie in [0, 1) with mean one half', () => {
    const values = draw(20_000, createRandom('uniform').next);
    expect(values.every((x) => x >= 0 && x < 1)).toBe(true);
    expect(mean(values)).toBeCloseTo(0.5, 1);
  });

  it('reach every integer below the bound and no other', () => {
    const random = createRandom('int');
    expect(new Set(draw(500, () => random.int(5)))).toEqual(new Set([0, 1, 2, 3, 4]));
  });

  it('are standard normal on request', () => {
    const random = createRandom('normal');
    const values = draw(20_000, random.normal);
    expect(mean(values)).toBeCloseTo(0, 1);
    expect(mean(values.map((x) => x * x))).toBeCloseTo(1, 1);
  });

  it.each([0.3, 1, 4])('are Gamma(%d) on request, whose mean is its shape', (shape) => {
    const random = createRandom('gamma', shape);
    const values = draw(20_000, () => random.gamma(shape));
    expect(values.every((x) => x > 0)).toBe(true);
    expect(Math.abs(mean(values) / shape - 1)).toBeLessThan(0.05);
  });

  it('shuffle to a permutation, in place', () => {
    const items = Array.from({ length: 50 }, (_, index) => index);
    const shuffled = createRandom('shuffle').shuffle([...items]);
    expect(shuffled).not.toEqual(items);
    expect([...shuffled].sort((a, b) => a - b)).toEqual(items);
  });

  it('shuffle nothing and one thing', () => {
    expect(createRandom(1).shuffle([])).toEqual([]);
    expect(createRandom(1).shuffle(['a'])).toEqual(['a']);
  });
});

import { describe, expect, it } from 'vitest';
import { capWeights } from '../../../src/runtime/algorithms/cap-weights.ts';

describe('weights', () => {
  it.each<[string, number[], number, number[]]>([
    ['of unlike sites stay as they are', [3, 940, 12, 250], 100, [3, 940, 12, 250]],
    ['of one site stay', [1e12], 1, [1e12]],
    ['of none are none', [], 100, []],
    ['are at most so many times the other one', [1e12, 5], 100, [500, 5]],
    ['are at most so many times the median of the others', [10, 1e12, 20, 30], 100, [10, 2000, 20, 30]],
    ['of an even number of others take their middle', [1e12, 10, 20], 2, [30, 10, 20]],
    ['of two large sites are bounded both', [1e12, 1e12, 1, 1, 1], 10, [10, 10, 1, 1, 1]],
    ['of nothing count for no median', [0, 0, 0, 7], 1, [0, 0, 0, 7]],
    ['may all be made equal', [1, 2, 3], 1, [1, 1.5, 1.5]],
  ])('%s', (_, weights, ratio, capped) => {
    expect(capWeights(weights, ratio)).toEqual(capped);
  });
});

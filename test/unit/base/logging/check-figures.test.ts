import { describe, expect, it } from 'vitest';
import { checkExamples } from '../../../../src/runtime/base/logging/check-figures.ts';

describe('the weight of an update', () => {
  it.each([5e-324, 1e-310, 1e-100, 9.9e-7])('is not next to nothing: %s', (examples) => {
    expect(() => checkExamples(examples)).toThrow(
      expect.objectContaining({
        code: 'NF_RESULT_INVALID',
        message: expect.stringContaining(`numExamples is ${examples}, less than 0.000001`),
      }),
    );
  });

  it('may be a part of an example', () => {
    expect(checkExamples(1e-6)).toBe(1e-6);
    expect(checkExamples(0.5)).toBe(0.5);
  });
});

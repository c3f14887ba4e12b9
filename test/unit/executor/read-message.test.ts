import { describe, expect, it } from 'vitest';
import { readMessage } from '../../../src/runtime/executor/read-message.ts';

const result = (over: object) =>
  readMessage({
    type: 'result',
    result: { site: 'site-1', paramsType: 'FULL', numExamples: 1, metrics: {}, ...over },
  });

describe('a result that a script gives in the name of its thread or process', () => {
  const list = Array.from({ length: 8 }).reduce<unknown>((one) => Array(1000).fill(one), 0);

  it.each([
    ['more examples than add up', { numExamples: 2e15 }, 'NF_RESULT_INVALID'],
    ['text as examples', { numExamples: 'many' }, 'NF_RESULT_INVALID'],
    ['a figure beyond all measure', { metrics: { a: [1.7e308] } }, 'NF_RESULT_METRICS'],
    ['a list for figures', { metrics: [1] }, 'NF_RESULT_INVALID'],
    ['data for figures', { metrics: { a: 'x'.repeat(1e6) } }, 'NF_RESULT_FIGURES_SIZE'],
    ['the same list time and again', { metrics: { list } }, 'NF_RESULT_FIGURES_SIZE'],
  ])('is held to the limits of an answer: %s', (_, over, code) => {
    expect(result(over)).toMatchObject({ type: 'failure', error: { code } });
  });

  it('passes within them', () => {
    expect(result({ numExamples: 1e12, metrics: { auc: 1e100 } })).toMatchObject({
      type: 'result',
      result: { numExamples: 1e12, metrics: { auc: 1e100 } },
    });
  });
});

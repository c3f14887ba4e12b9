import { describe, expect, it } from 'vitest';
import { errorReport } from '../../../src/runtime/network/messages/shapes.ts';
import { readMessage } from '../../../src/runtime/site/executor/read-message.ts';

const result = (over: object) =>
  readMessage({
    type: 'result',
    result: { files: {}, paramsType: 'FULL', numExamples: 1, metrics: {}, ...over },
  });

describe('a result that a script gives in the name of its thread or process', () => {
  const list = Array.from({ length: 8 }).reduce<unknown>((one) => Array(1000).fill(one), 0);

  it.each([
    ['more examples than add up', { numExamples: 2e15 }, 'NF_RESULT_INVALID'],
    ['text as examples', { numExamples: 'many' }, 'NF_RESULT_INVALID'],
    ['a figure beyond all measure', { metrics: { a: [1.7e308] } }, 'NF_RESULT_METRICS'],
    ['a list for figures', { metrics: [1] }, 'NF_RESULT_INVALID'],
    ['data for figures', { metrics: { a: 'x'.repeat(1e6) } }, 'NF_RESULT_FIGURES_SIZE'],
    [
      'names without end',
      { metrics: Object.fromEntries(Array.from({ length: 501 }, (_, i) => [i, 0])) },
      'NF_RESULT_FIGURES_SIZE',
    ],
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

describe('a failure that a script tells in the name of its thread or process', () => {
  const long = 'x'.repeat(1_000_000);
  const error = { code: 'NF_SCRIPT_FAILED', message: 'm', hint: 'h', exitCode: 1 };
  const told = (over: object) => readMessage({ type: 'failure', error: { ...error, ...over } });

  it.each([
    ['code', { code: long }],
    ['message', { message: long }],
    ['hint', { hint: long }],
    ['stack', { stack: long }],
    ['file', { place: { file: long, line: 3 } }],
    ['key', { place: { key: long } }],
    ['site', { place: { site: long } }],
    ['excerpt', { place: { excerpt: long } }],
  ])('is cut to what a message holds: %s', (_, over) => {
    expect(errorReport.safeParse({ ...error, ...over }).success).toBe(false);
    const message = told(over);
    if (message.type !== 'failure') throw new Error(message.type);
    expect(errorReport.parse(message.error)).toEqual(message.error);
    expect(JSON.stringify(message).length).toBeGreaterThan(64);
  });

  it('keeps what it says of the final scoring, and is no failure with words that no report has', () => {
    const place = { site: 'site-1', round: 3, stage: 'final scoring' };
    expect(told({ place })).toEqual({ type: 'failure', error: { ...error, place } });
    expect(told({ place: { stage: 'elsewhere' } })).toMatchObject({ error: { code: 'NF_SCRIPT_MESSAGE' } });
    expect(told({ answer: 42 })).toMatchObject({ error: { code: 'NF_SCRIPT_MESSAGE' } });
  });
});

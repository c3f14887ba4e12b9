import { describe, expect, it } from 'vitest';
import { COMMON_TASKS } from '../../../src/runtime/algorithms/task.ts';
import { tasksOf } from '../../../src/runtime/job/workflow-tasks.ts';
import type { Values } from '../../../src/runtime/run/events.ts';
import { requireValues } from '../../../src/runtime/run/task-values.ts';

const { train = COMMON_TASKS.train } = tasksOf({
  workflow: { type: 'fednova', options: {} },
  packing: undefined,
});
const say = (values: Values) => () => requireValues(values, train, 'train/1/site-1');

describe('the steps that a site says it took', () => {
  it.each([1, 7, 2.5, 1e12])('may be %d', (steps) => {
    expect(say({ steps })).not.toThrow();
  });

  // At the site and at the server, before the answer counts: the site fails, and not the job of all.
  it.each<[string, Values]>([
    ['next to nothing', { steps: 5e-324 }],
    ['none', { steps: 0 }],
    ['fewer than none', { steps: -1 }],
    ['more than anybody takes', { steps: 1e13 }],
    ['a text', { steps: '7' }],
    ['a list', { steps: [7] }],
    ['nothing', { steps: null }],
  ])('are not %s', (_, values) => {
    expect(say(values)).toThrow(expect.objectContaining({ code: 'NF_PAYLOAD_FORM' }));
  });
});

describe('a value of a script', () => {
  // Structured as a process can send it, and endless as JSON.
  const folded = Array.from({ length: 12 }).reduce<unknown[]>((inner) => Array(1000).fill(inner), [7]);
  it.each<[string, unknown]>([
    ['lists that name one list again and again', folded],
    ['lists of nothing, of any length', Array(2 ** 32 - 1)],
    ['a long text', 'x'.repeat(100_000)],
    ['a long name', { ['x'.repeat(100_000)]: 1 }],
  ])('of %s is refused before it is written out', (_, value) => {
    expect(say({ steps: value as Values[string] })).toThrow(
      expect.objectContaining({ code: 'NF_PAYLOAD_TOO_LARGE' }),
    );
  });
});

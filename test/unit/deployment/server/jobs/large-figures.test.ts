import { describe, expect, it } from 'vitest';
import { REQUEST_LIMITS, TASK_LIMITS } from '../../../../../src/runtime/base/limits.ts';
import type { MetricReport } from '../../../../../src/runtime/base/logging/metrics.ts';
import { FigureSums } from '../../../../../src/runtime/deployment/server/jobs/figure-sums.ts';
import { watchedEvent } from '../../../../../src/runtime/deployment/server/jobs/shown-event.ts';
import type { RunEvent } from '../../../../../src/runtime/run/events.ts';

const accepted = (metrics: MetricReport): RunEvent => ({
  type: 'result.accepted',
  task: 'train/1/a',
  result: { site: 'a', files: {}, paramsType: 'FULL', numExamples: 1, metrics, seconds: 1 },
});
const closed = (metrics: MetricReport): RunEvent => ({
  type: 'round.closed',
  round: 1,
  kind: 'train',
  metrics,
});
const figuresOf = (event: RunEvent): MetricReport =>
  event.type === 'round.closed'
    ? event.metrics
    : event.type === 'result.accepted'
      ? event.result.metrics
      : {};

describe.each([
  ['an answer', accepted],
  ['a round', closed],
])('the figures of %s, as watchers are given them', (_what, make) => {
  it('are all of them, where they are few', () => {
    const metrics = { loss: 0.5, accuracy: 0.25, confusion_matrix: [[1, 2]] };
    expect(figuresOf(watchedEvent(make(metrics), 'accuracy'))).toEqual(metrics);
  });

  it.each([
    ['texts', Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`t${i}`, 'ä'.repeat(5000)]))],
    ['names', Object.fromEntries(Array.from({ length: 9000 }, (_, i) => [`name_${i}`, i]))],
    ['one list', { list: Array.from({ length: 50_000 }, (_, i) => i) }],
  ])('have the key metric and say how many are left out: large by its %s', (_by, many) => {
    const metrics = { ...many, loss: 0.5, accuracy: 0.25 };
    const shown = figuresOf(watchedEvent(make(metrics), 'accuracy'));
    expect(shown.accuracy).toBe(0.25);
    expect(Buffer.byteLength(JSON.stringify(shown))).toBeLessThan(2 * REQUEST_LIMITS.event_figures.most);
    const left = Object.keys(metrics).length + 1 - Object.keys(shown).length;
    expect(shown.left_out).toBe(`${left} more; all are in the log among the job's files`);
  });
});

describe('the figures of a site to a job', () => {
  it('are bounded together, and those of others are not counted with them', () => {
    const sums = new FigureSums();
    const metrics = { text: 'x'.repeat(999_000) };
    const fit = Math.floor((TASK_LIMITS.figures_kb.most * 1000) / JSON.stringify(metrics).length);
    for (let round = 0; round < fit; round++) sums.add('a', metrics);
    expect(() => sums.add('a', metrics)).toThrow(
      expect.objectContaining({
        code: 'NF_RESULT_FIGURES_SUM',
        message: expect.stringContaining('a to this job'),
      }),
    );
    sums.add('b', metrics);
    sums.add('a', { accuracy: 1 });
  });
});

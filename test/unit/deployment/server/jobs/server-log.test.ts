import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../../../src/runtime/base/digest.ts';
import { lineOf } from '../../../../../src/runtime/deployment/server/jobs/server-log.ts';
import type { RunEvent } from '../../../../../src/runtime/run/events.ts';

const time = '2026-01-01T00:00:00.000Z';
const model = { path: 'blobs/x', sha256: sha256('model') };
const error = { code: 'NF_SCRIPT_FAILED', message: 'it broke', hint: '', exitCode: 1 };
const engine = { name: 'ort', device: 'cpu', library: 'onnxruntime-node 1', detail: '' };
const result = {
  site: 'site-1',
  files: {},
  paramsType: 'FULL',
  numExamples: 7,
  metrics: {},
  seconds: 1.5,
} as const;

describe('a line of the server for a job', () => {
  it.each<[RunEvent, string, string]>([
    [{ type: 'run.opened' }, 'info', 'the run begins'],
    [{ type: 'run.opened', resumedFromRound: 3 }, 'info', 'the run goes on after round 3'],
    [{ type: 'run.opened', resumedFromRound: 0 }, 'info', 'the run goes on after round 0'],
    [{ type: 'model.initial', model }, 'info', `model 0 is ${model.sha256}`],
    [
      { type: 'round.opened', round: 1, name: 'train', sites: ['a', 'b'], inputs: { model } },
      'info',
      'round 1 (train) opened with a, b',
    ],
    [{ type: 'engine.used', site: 'a', engine }, 'info', 'a computes with ort on cpu (onnxruntime-node 1)'],
    [
      { type: 'result.accepted', task: 'train/2/site-1', result },
      'info',
      'round 2: site-1 answered after 1.5 s, 7 examples',
    ],
    [
      { type: 'result.dropped', task: 'train/2/a', reason: 'damaged' },
      'info',
      'round 2: the answer of a is asked for again: damaged',
    ],
    [
      { type: 'site.failed', task: 'train/2/a', error },
      'error',
      'round 2: a failed: NF_SCRIPT_FAILED: it broke',
    ],
    [
      { type: 'round.closed', round: 2, kind: 'train', metrics: {}, model },
      'info',
      `round 2 closed, model 2 is ${model.sha256}`,
    ],
    [{ type: 'round.closed', round: 3, kind: 'evaluate', metrics: {} }, 'info', 'round 3 closed'],
    [{ type: 'run.interrupted', signal: 'SIGTERM' }, 'info', 'stopped: SIGTERM'],
    [{ type: 'run.failed', error }, 'error', 'failed: NF_SCRIPT_FAILED: it broke'],
    [{ type: 'run.finished', model }, 'info', `finished with model ${model.sha256}`],
  ])('says what happened: %j', (event, level, text) => {
    expect(lineOf({ time, event })).toEqual({ time, level, text });
  });

  it.each<RunEvent>([
    { type: 'task.started', task: 'train/1/a' },
    { type: 'task.progress', task: 'train/1/a', done: 1, total: 2 },
  ])('is not made of what happens all the time: %j', (event) => {
    expect(lineOf({ time, event })).toBeUndefined();
  });
});

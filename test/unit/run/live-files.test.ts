import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/runtime/base/digest.ts';
import type { FileRef, RunEvent } from '../../../src/runtime/run/events.ts';
import { newHistory, replay } from '../../../src/runtime/run/history.ts';
import { liveFiles, spentFiles } from '../../../src/runtime/run/live-files.ts';

const goal = {
  keyMetric: 'accuracy',
  keyMetricGoal: 'maximize',
  clientsPerRound: undefined,
  maxWeightRatio: 100,
} as const;
const ref = (name: string): FileRef => ({ path: `${name}.bin`, sha256: sha256(name) });
const result = (site: string, { update, ...files }: { update?: FileRef; state?: FileRef } = {}) => ({
  site,
  paramsType: 'FULL' as const,
  numExamples: 1,
  metrics: {},
  seconds: 1,
  files: { ...(update && { model: update }) },
  ...files,
});
const EVENTS: readonly RunEvent[] = [
  { type: 'model.initial', model: ref('m0') },
  { type: 'round.opened', round: 1, name: 'train', sites: ['a', 'b'], inputs: { model: ref('m0') } },
  {
    type: 'result.accepted',
    task: 'train/1/a',
    result: result('a', { update: ref('old'), state: ref('a1') }),
  },
  { type: 'round.closed', round: 1, kind: 'train', metrics: { accuracy: 0.9 }, model: ref('m1') },
  { type: 'round.opened', round: 2, name: 'train', sites: ['a', 'b', 'c'], inputs: { model: ref('m1') } },
  {
    type: 'result.accepted',
    task: 'train/2/a',
    result: result('a', { update: ref('new'), state: ref('a2') }),
  },
  { type: 'result.accepted', task: 'train/2/b', result: result('b') },
  { type: 'result.accepted', task: 'train/2/c', result: result('c', { update: ref('lost') }) },
  { type: 'result.dropped', task: 'train/2/c', reason: 'damaged' },
];
const namesOf = (events: readonly RunEvent[]) =>
  liveFiles(replay(events, goal)).map(({ file: { path }, role, site }) => [
    path.replace('.bin', ''),
    role,
    ...(site === undefined ? [] : [site]),
  ]);

describe('the files a run needs', () => {
  it('are none before it has a model', () => {
    expect(liveFiles(newHistory(goal))).toEqual([]);
  });

  it('are its models, the answers to the open round, and what sites keep, old and new', () => {
    expect(namesOf(EVENTS)).toEqual([
      ['m0', 'model'],
      ['m1', 'model'],
      ['new', 'answer', 'a'],
      ['a1', 'state', 'a'],
      ['a2', 'state', 'a'],
    ]);
  });

  it('name an answer for each site, though two sites sent the same bytes', () => {
    const both = ['a', 'b'].map(
      (site) =>
        ({
          type: 'result.accepted',
          task: `train/2/${site}`,
          result: result(site, { update: ref('same') }),
        }) as const,
    );
    expect(namesOf([...EVENTS.slice(0, 5), ...both]).filter(([name]) => name === 'same')).toEqual([
      ['same', 'answer', 'a'],
      ['same', 'answer', 'b'],
    ]);
  });

  it('are spent when no event needs them any more', () => {
    const [before, after] = [EVENTS.slice(0, 3), EVENTS.slice(0, 4)].map((events) => replay(events, goal));
    if (!before || !after) throw new Error('no histories');
    expect(spentFiles(before, after)).toEqual([ref('old')]);
  });
});

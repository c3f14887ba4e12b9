import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { MetricValue } from '../../../src/runtime/base/logging/metrics.ts';
import { bestOf, replay } from '../../../src/runtime/run/history.ts';
import { readJournal } from '../../../src/runtime/run/journal.ts';
import { RUN_EVENTS } from '../../../src/runtime/run/stored-event.ts';
import { type FakeRunOptions, RULES, startFakeRun } from '../../support/fake-run.ts';
import { float32 } from '../../support/param-sets.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

/** Figures by site, one a model; `fails`: the site does not answer in that round, undefined: it sends no figure. */
type Scores = Readonly<Record<string, readonly (MetricValue | 'fails' | undefined)[]>>;

async function run(scores: Scores, rules: FakeRunOptions['rules'] = {}) {
  const sites = Object.keys(scores);
  const numRounds = (scores[sites[0] ?? '']?.length ?? 1) - 1;
  const fake = await startFakeRun(join(root, String(count++)), {
    sites,
    rules: { minClients: 1, numRounds, ...rules },
    behave: ({ site, round, name }, { weights }) => {
      const accuracy = scores[site]?.[round - 1];
      if (accuracy === 'fails') return { fails: 'away' };
      const metrics = accuracy === undefined ? {} : { accuracy };
      const data = Float32Array.from(weights?.data ?? [], (x) => x + 1);
      return { metrics, ...(name === 'train' && { params: { weights: float32([...data]) } }) };
    },
  });
  await fake.done;
  const best = bestOf(fake.history());
  return { ...fake, best };
}

describe('the best model', () => {
  it('is not one that only the easy site has scored', async () => {
    const { best } = await run({ easy: [0.9, 0.9, 0.9, 0.9], hard: [0.51, 'fails', 0.53, 0.54] });
    expect(best).toMatchObject({ round: 3, value: 0.72 });
  });

  it('is compared over the sites that both models share', async () => {
    const { best } = await run({ easy: [0.9, 0.95, 0.91, 0.8], hard: ['fails', 0.1, 0.2, 0.3] });
    expect(best?.round).toBe(2);
  });

  it('is one of the rest where a site stays away to the end', async () => {
    const one = await run({ a: [0.5, 0.6, 0.8, 0.7], b: [0.9, 'fails', 'fails', 'fails'] });
    expect(one.best).toMatchObject({ round: 2, value: 0.8 });
    const file = one.folder.at(one.best?.model.path ?? '');
    expect(existsSync(file)).toBe(true);
  });

  it('is a trained one where the untrained one is as good', async () => {
    expect((await run({ a: [0.5, 0.5, 0.5] })).best?.round).toBe(1);
  });

  it('is chosen without a site that has no such figure, which is named once', async () => {
    const { best, shown } = await run({ a: [0.1, 0.3, 0.2], b: [undefined, null, undefined] });
    expect(best).toMatchObject({ round: 1, value: 0.3 });
    const notes = shown.flatMap((event) => (event.type === 'round.closed' ? (event.notes ?? []) : []));
    expect(notes[0]).toBe('no accuracy of b (not sent): it is pooled over the others');
    expect(notes.filter((note) => note.includes('not sent'))).toHaveLength(1);
  });

  it('says of which kind a figure is that is no number, and whose', async () => {
    await expect(run({ a: ['0.9'], b: [true] }, { numRounds: 1 })).rejects.toMatchObject({
      code: 'NF_KEY_METRIC_TYPE',
      message: expect.stringContaining("a sends the text '0.9', b sends true"),
    });
    const { shown } = await run({ a: [0.5, 0.6], b: [[1], [1]] });
    expect(shown.find((event) => event.type === 'round.closed')).toMatchObject({
      notes: ['no accuracy of b (a list): it is pooled over the others'],
    });
  });

  it('of drawn sites is compared as it is where no site is shared', async () => {
    const { best } = await run(
      { a: [0.1, 'fails', 0.2], b: ['fails', 0.7, 'fails'] },
      { clientsPerRound: 2 },
    );
    expect(best?.round).toBe(1);
  });

  it('is what the log says after a stop', async () => {
    const scores = { easy: [0.9, 0.9, 0.95, 0.9], hard: [0.51, 'fails', 'fails', 0.54] } as const;
    const { folder, best } = await run(scores);
    const events = (await Array.fromAsync(readJournal(folder.at('events.jsonl'), RUN_EVENTS))).map(
      ({ event }) => event,
    );
    const upTo = (round: number) =>
      events.slice(
        0,
        1 + events.findIndex((event) => event.type === 'round.closed' && event.round === round),
      );
    expect(bestOf(replay(events, RULES))).toEqual(best);
    const replayed = replay(upTo(3), RULES);
    expect([replayed.best?.round, bestOf(replayed)?.round]).toEqual([0, 2]);
    expect(replayed.contest.standIn?.reports.map(({ site }) => site)).toEqual(['easy']);
  });

  it('of a log without the choice is that of version 0.1.0', async () => {
    const { folder } = await run({ easy: [0.9, 0.9, 0.9], hard: [0.5, 'fails', 0.5] });
    const lines = await Array.fromAsync(readJournal(folder.at('events.jsonl'), RUN_EVENTS));
    const old = lines.map(({ event }) => {
      if (event.type !== 'round.closed') return event;
      const { chosen: _, ...rest } = event;
      return rest;
    });
    expect(bestOf(replay(old, RULES))?.round).toBe(1);
  });
});

describe('an update that leaves no number beside the others', () => {
  const huge = (rules: FakeRunOptions['rules']) =>
    startFakeRun(join(root, String(count++)), {
      sites: ['a', 'b', 'c'],
      rules: { numRounds: 2, ...rules },
      behave: ({ site, name, round }) => {
        const metrics = { accuracy: 0.5 };
        if (name !== 'train') return { metrics };
        if (round === 1) return { metrics, params: { weights: float32([3e38, 1, 1]) } };
        const change = site === 'b' ? 3.3e38 : 0;
        return { metrics, paramsType: 'DIFF', params: { weights: float32([change, 0, 0]) } };
      },
    });

  it('ends the run with the name of its site', async () => {
    const { done, history, folder } = await huge({ minClients: 3 });
    await expect(done).rejects.toMatchObject({
      code: 'NF_AGGREGATE_NOT_FINITE',
      place: { site: 'b', round: 2 },
    });
    expect(history().failures[0]).toMatchObject({ site: 'b', error: { code: 'NF_AGGREGATE_NOT_FINITE' } });
    expect(existsSync(folder.at('models/round-0002.safetensors'))).toBe(false);
  });

  it('is left out where the round can do without it', async () => {
    const { done, closed, history } = await huge({ minClients: 2 });
    expect((await readFile(await done)).length).toBeGreaterThan(0);
    expect(closed[1]?.results.map(({ site }) => site)).toEqual(['a', 'c']);
    expect(history().failures.map(({ site }) => site)).toEqual(['b']);
  });
});

describe('a weight that a site gives itself', () => {
  it('is bounded by those of the others, and said', async () => {
    const { done, shown } = await startFakeRun(join(root, String(count++)), {
      sites: ['a', 'b', 'c'],
      rules: { numRounds: 1, maxWeightRatio: 2 },
      behave: ({ site, name }) => ({
        metrics: { accuracy: 0.5 },
        numExamples: site === 'b' ? 1e12 : 10,
        ...(name === 'train' && { params: { weights: float32(site === 'b' ? [4, 4, 4] : [0, 0, 0]) } }),
      }),
    });
    const bytes = await readFile(await done);
    expect([
      ...new Float32Array(
        bytes.buffer.slice(bytes.byteOffset + bytes.length - 12, bytes.byteOffset + bytes.length),
      ),
    ]).toEqual([2, 2, 2]);
    expect(shown.find((event) => event.type === 'round.closed')).toMatchObject({
      notes: [
        'b gives numExamples 1000000000000: it counts as 20, 2 times the median of the others (workflow.max_weight_ratio)',
      ],
    });
  });
});

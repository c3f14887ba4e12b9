import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { partsOfTask } from '../../../src/runtime/algorithms/task.ts';
import { flError, NeuroflareError, ReportedFailure } from '../../../src/runtime/base/errors/errors.ts';
import type { RunEvent } from '../../../src/runtime/run/events.ts';
import { readJournal } from '../../../src/runtime/run/journal.ts';
import { RUN_EVENTS } from '../../../src/runtime/run/stored-event.ts';
import { failureReport, learn } from '../../support/fake-channel.ts';
import { type FakeRun, type FakeRunOptions, startFakeRun } from '../../support/fake-run.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;
const start = (options: FakeRunOptions = {}) => startFakeRun(join(root, String(count++)), options);

async function finish(options: FakeRunOptions = {}) {
  const run = await start(options);
  const model = await readFile(await run.done);
  return { ...run, model };
}

const journaled = async ({ folder }: FakeRun) =>
  (await Array.fromAsync(readJournal(folder.at('events.jsonl'), RUN_EVENTS))).map(({ event }) => event);
const types = (events: readonly RunEvent[]) => events.map(({ type }) => type);

describe('a run', () => {
  it('trains every round at every site and scores the last model once more', async () => {
    const { channel } = await finish();
    expect(channel.tasks.map(({ site, round, name }) => `${site} ${round} ${name}`)).toEqual([
      'site-1 1 train',
      'site-2 1 train',
      'site-10 1 train',
      'site-1 2 train',
      'site-2 2 train',
      'site-10 2 train',
      'site-1 3 evaluate',
      'site-2 3 evaluate',
      'site-10 3 evaluate',
    ]);
  });

  it('gives each site and round a seed of its own, the same in every run', async () => {
    const [one, two] = [await finish(), await finish({ shuffle: 3 })];
    const seeds = one.channel.tasks.map(({ seed }) => seed);
    expect(new Set(seeds).size).toBe(seeds.length);
    expect(two.channel.tasks.map(({ seed }) => seed)).toEqual(seeds);
  });

  it.each([1, 2, 3, 4, 5])('has the same bytes whatever the order of answers (%d)', async (shuffle) => {
    const [given, shuffled] = [await finish(), await finish({ shuffle })];
    expect(shuffled.model).toEqual(given.model);
    expect(shuffled.closed.map(({ metrics }) => metrics)).toEqual(given.closed.map(({ metrics }) => metrics));
  });

  it('changes with its seed', async () => {
    expect((await finish({ rules: { seed: 2 } })).model).not.toEqual((await finish()).model);
  });

  it('journals every answer before its round closes', async () => {
    const run = await finish({ rules: { numRounds: 1 } });
    const events = types(await journaled(run));
    const answers = ['result.accepted', 'result.accepted', 'result.accepted', 'round.answered'];
    const begin = ['members.chosen', 'round.opened', ...answers];
    const trained = [...begin, 'model.made', 'round.closed'];
    expect(events).toEqual(['run.opened', 'model.initial', ...trained, ...begin, 'round.closed']);
  });

  it('shows signs of life without journaling them', async () => {
    const run = await finish();
    expect(types(run.shown).filter((type) => type === 'task.started')).toHaveLength(9);
    expect(types(await journaled(run))).not.toContain('task.started');
  });

  it('passes on progress and engines', async () => {
    const engine = { name: 'cpu', device: 'cpu', library: 'tfjs', detail: '' };
    const run = await finish({
      onEvent: (event, channel) => {
        if (event.type !== 'task.started' || partsOfTask(event.task).round !== 1) return;
        channel.emit({ type: 'progress', task: event.task, done: 1, total: 2 });
        channel.emit({ type: 'engine', task: event.task, engine });
      },
    });
    expect(types(run.shown)).toContain('task.progress');
    expect(run.history().engines.get('site-10')).toEqual(engine);
  });

  it('stops when a site goes on with another engine', async () => {
    const engine = { name: 'ort', device: 'cpu', library: 'onnxruntime-node 1.30.0 native', detail: '' };
    const run = finish({
      onEvent: (event, channel) => {
        if (event.type !== 'task.started') return;
        const library = partsOfTask(event.task).round === 1 ? engine.library : 'onnxruntime-web 1.30.0 wasm';
        channel.emit({ type: 'engine', task: event.task, engine: { ...engine, library } });
      },
    });
    const error = await run.catch((thrown: unknown) => thrown);
    expect(error instanceof ReportedFailure && error.report()).toMatchObject({
      code: 'NF_RUN_CHANGED',
      message: expect.stringContaining('wasm'),
    });
  });

  it('hands a site what it kept, and only that site', async () => {
    const { channel } = await finish();
    const second = channel.tasks.filter(({ round }) => round === 2);
    expect(second.map(({ state }) => state?.path)).toEqual([
      'sites/site-1/state-0001.bin',
      'sites/site-2/state-0001.bin',
      'sites/site-10/state-0001.bin',
    ]);
  });

  it('ignores answers that come twice', async () => {
    const [once, thrice] = [await finish(), await finish({ copies: 3 })];
    expect(thrice.model).toEqual(once.model);
    expect(types(await journaled(thrice))).toEqual(types(await journaled(once)));
  });

  it('ignores strangers and answers to other rounds', async () => {
    const run = await finish({
      onEvent: (event, channel) => {
        if (event.type !== 'round.opened') return;
        const result = { files: {}, paramsType: 'FULL', numExamples: 1e9, metrics: {}, seconds: 0 } as const;
        channel.emit({
          type: 'result',
          task: `train/${event.round}/mallory`,
          result: { site: 'mallory', ...result },
        });
        channel.emit({
          type: 'result',
          task: `train/${event.round + 1}/site-1`,
          result: { site: 'site-1', ...result },
        });
        channel.emit({
          type: 'result',
          task: `train/${event.round - 1}/site-1`,
          result: { site: 'site-1', ...result },
        });
        channel.emit({
          type: 'failure',
          task: `train/${event.round}/mallory`,
          error: failureReport('x', { site: 'mallory', round: 1 }),
        });
      },
    });
    expect(run.model).toEqual((await finish()).model);
  });
});

describe('files of a run', () => {
  it('do not grow with the rounds', async () => {
    const sizes = await Promise.all(
      [3, 8].map(async (numRounds) => {
        const { folder } = await finish({ rules: { numRounds } });
        return ['sites/site-1', 'sites/site-10', 'models'].map((path) => readdirSync(folder.at(path)).length);
      }),
    );
    expect(sizes[1]).toEqual(sizes[0]);
  });

  it('keep the initial, the best and the last model', async () => {
    const best = 2;
    const { folder, coordinator } = await finish({
      rules: { numRounds: 5 },
      behave: (task, received) => ({
        ...learnt(task, received),
        metrics: { accuracy: task.round - 1 === best ? 1 : 0 },
      }),
    });
    expect(coordinator.history.best).toMatchObject({ round: best, value: 1 });
    expect(readdirSync(folder.at('models'))).toEqual(
      [0, best, 5].map((round) => `round-000${round}.safetensors`),
    );
  });

  it('are each what the journal says', async () => {
    const { folder, history } = await finish();
    for (const { path } of history().states.values()) expect(existsSync(folder.at(path))).toBe(true);
  });
});

describe('the best model', () => {
  const scores = (values: readonly (number | null)[]): FakeRunOptions => ({
    rules: { numRounds: values.length - 1 },
    behave: (task, received) => ({
      ...learnt(task, received),
      metrics: { accuracy: values[task.round - 1] ?? null },
    }),
  });

  it('is the first of equals', async () => {
    expect((await finish(scores([1, 3, 3]))).coordinator.history.best?.round).toBe(1);
  });

  it('may be the final one', async () => {
    expect((await finish(scores([1, 2, 3]))).coordinator.history.best?.round).toBe(2);
  });

  it('may be the least where less is better', async () => {
    const options = scores([3, 1, 2]);
    const run = await finish({ ...options, rules: { ...options.rules, keyMetricGoal: 'minimize' } });
    expect(run.coordinator.history.best?.round).toBe(1);
  });

  it('passes over rounds without a figure', async () => {
    expect((await finish(scores([null, 1, null]))).coordinator.history.best?.round).toBe(1);
  });
});

describe('a site that fails', () => {
  const failing = (...sites: string[]): FakeRunOptions => ({
    behave: (task, received) =>
      sites.includes(task.site) ? { fails: `${task.site} broke` } : learn(task, received),
  });

  it('ends the run with its own error', async () => {
    const run = await start(failing('site-2'));
    const error = await run.done.catch((thrown: NeuroflareError) => thrown);
    expect(error).toBeInstanceOf(ReportedFailure);
    expect(error instanceof NeuroflareError && error.report()).toMatchObject({
      code: 'NF_SCRIPT_FAILED',
      message: 'site-2 broke',
      exitCode: 1,
      place: { site: 'site-2', round: 1 },
    });
  });

  it('leaves its error in the journal, first of all failures', async () => {
    const run = await start(failing('site-1', 'site-2', 'site-10'));
    const error = await run.done.catch((thrown: Error) => thrown);
    const failed = (await journaled(run)).filter((event) => event.type === 'site.failed');
    expect(failed[0]).toMatchObject({ error: { message: error instanceof Error ? error.message : '' } });
  });

  it('lets the others go on where min_clients allows it', async () => {
    const run = await finish({ ...failing('site-2'), rules: { minClients: 2 } });
    expect(run.closed).toHaveLength(3);
    expect(run.closed[0]?.results.map(({ site }) => site)).toEqual(['site-1', 'site-10']);
    expect(run.history().failures).toHaveLength(3);
  });

  it('gets its task again in the next round', async () => {
    const run = await finish({
      rules: { minClients: 2 },
      behave: (task, received) =>
        task.site === 'site-2' && task.round === 1 ? { fails: 'once' } : learn(task, received),
    });
    expect(run.closed.map(({ results }) => results.length)).toEqual([2, 3, 3]);
  });

  it('ends the run when too many fail, with the first of them', async () => {
    const run = await start({ ...failing('site-1', 'site-10'), rules: { minClients: 2 } });
    const error = await run.done.catch((thrown: Error) => thrown);
    const [first] = run.history().failures;
    expect(error).toMatchObject({ message: first?.error.message });
  });

  it('changes nothing for the others when it answers after all', async () => {
    const run = await finish({
      ...failing('site-2'),
      rules: { minClients: 2 },
      onEvent: (event, channel) => {
        if (event.type !== 'site.failed') return;
        const result = {
          site: 'site-2',
          files: {},
          paramsType: 'FULL',
          numExamples: 1,
          metrics: {},
          seconds: 0,
        } as const;
        channel.emit({ type: 'result', task: event.task, result });
      },
    });
    expect(run.closed.every(({ results }) => results.every(({ site }) => site !== 'site-2'))).toBe(true);
  });
});

describe('the wait after a quorum', () => {
  const slow: FakeRunOptions = {
    rules: { minClients: 2, waitTimeAfterMinReceived: 0.05 },
    behave: (task, received) => (task.site === 'site-10' ? 'silent' : learn(task, received)),
  };

  it('goes on without who is silent, and cancels its task', async () => {
    const { channel, closed } = await finish(slow);
    expect(channel.cancelled).toEqual(['site-10', 'site-10', 'site-10']);
    expect(closed.every(({ results }) => results.length === 2)).toBe(true);
  });

  it('counts an answer that is being written to the log when the wait ends', async () => {
    const everyone = await finish();
    let accepted = 0;
    const late = await finish({
      rules: { minClients: 2, waitTimeAfterMinReceived: 0.02 },
      wrapJournal: (journal) => ({
        ...journal,
        append: async (event) => {
          const turn = event.type === 'result.accepted' ? ++accepted % 3 : undefined;
          // One is written after the other: while the quorum's is, the third comes and waits its turn. It takes longer than the wait.
          if (turn === 2) await new Promise((resolve) => setTimeout(resolve, 300));
          if (turn === 0) await new Promise((resolve) => setTimeout(resolve, 80));
          await journal.append(event);
        },
      }),
    });
    expect(late.model).toEqual(everyone.model);
    expect(late.channel.cancelled).toEqual([]);
  });

  it('does not begin before the quorum', async () => {
    const stop = new AbortController();
    const run = await start({ ...slow, behave: () => 'silent', signal: stop.signal });
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(run.closed).toHaveLength(0);
    stop.abort(new Error('enough'));
    await expect(run.done).rejects.toThrow('enough');
  });
});

describe('the key metric', () => {
  const sending = (metrics: Record<string, number | string | null>): FakeRunOptions => ({
    behave: (task, received) => ({ ...learnt(task, received), metrics }),
  });

  it('that nobody reports ends the run after the first round, with a nearest match', async () => {
    const run = await start(sending({ acuracy: 1, loss: 2 }));
    await expect(run.done).rejects.toMatchObject({
      code: 'NF_KEY_METRIC_MISSING',
      message:
        "No site reports the key metric 'accuracy'; reported are acuracy, loss. Did you mean 'acuracy'?",
    });
    expect(run.channel.tasks.every(({ round }) => round === 1)).toBe(true);
  });

  it('that is no number is said to be none', async () => {
    await expect((await start(sending({ accuracy: 'high' }))).done).rejects.toMatchObject({
      code: 'NF_KEY_METRIC_TYPE',
    });
  });

  it('where nothing at all is reported is missing too', async () => {
    await expect((await start(sending({}))).done).rejects.toThrow('reported are none');
  });

  it('may be undefined at a site, or at all of them, for a round', async () => {
    await finish(sending({ accuracy: null }));
    await finish({
      behave: (task, received) => ({
        ...learnt(task, received),
        metrics: task.site === 'site-1' ? { accuracy: 1 } : { loss: 1 },
      }),
    });
  });
});

describe('a stop', () => {
  it('before the run begins assigns nothing', async () => {
    const run = await start({ signal: AbortSignal.abort(flError('NF_INTERRUPTED', { signal: 'SIGINT' })) });
    await expect(run.done).rejects.toMatchObject({ code: 'NF_INTERRUPTED' });
    expect(run.channel.tasks).toEqual([]);
  });

  it.each(['round.opened', 'task.started', 'result.accepted', 'round.closed'])(
    'at %s ends the run with its reason',
    async (type) => {
      const stop = new AbortController();
      const reason = flError('NF_INTERRUPTED', { signal: 'SIGTERM' });
      const run = await start({
        signal: stop.signal,
        onEvent: (event) => event.type === type && stop.abort(reason),
      });
      await expect(run.done).rejects.toBe(reason);
      expect(run.closed.length).toBeLessThanOrEqual(1);
    },
  );

  it('cancels every task that is not answered', async () => {
    const stop = new AbortController();
    const run = await start({ behave: () => 'silent', signal: stop.signal });
    await vi.waitFor(() => expect(run.channel.tasks).toHaveLength(3));
    stop.abort(new Error('stop'));
    await expect(run.done).rejects.toThrow('stop');
    expect(run.channel.cancelled).toEqual(['site-1', 'site-2', 'site-10']);
  });
});

function learnt(...given: Parameters<typeof learn>) {
  const reply = learn(...given);
  return typeof reply === 'object' && !('fails' in reply) ? reply : {};
}

describe('a site that counts other classes than the others', () => {
  const counts = (classes: string[]) => ({
    accuracy: 1,
    loss: 0.5,
    classes,
    confusion: [
      [1, 0],
      [0, 1],
    ],
    num_examples: 2,
  });
  const RIGHT = ['glioma', 'no_tumor'];
  const learnAs = (liar: string, classes = ['x', 'y']): Pick<FakeRunOptions, 'behave'> => ({
    behave: (task, received) => {
      const reply = learn(task, received);
      if (reply === 'silent' || 'fails' in reply) return reply;
      return { ...reply, metrics: counts(task.site === liar ? classes : RIGHT) };
    },
  });

  it('has failed in the round, whose rule decides: the others go on', async () => {
    const run = await finish({ ...learnAs('site-1'), rules: { minClients: 2, alike: { classes: RIGHT } } });
    const failed = (await journaled(run)).flatMap((event) => (event.type === 'site.failed' ? [event] : []));
    expect(failed.map(({ task, error }) => `${task} ${error.code}`)).toEqual([
      'train/1/site-1 NF_TRAIN_METRICS_DIFFER',
      'train/2/site-1 NF_TRAIN_METRICS_DIFFER',
      'evaluate/3/site-1 NF_TRAIN_METRICS_DIFFER',
    ]);
    expect(run.closed.map(({ results }) => results.map(({ site }) => site))).toEqual(
      Array.from({ length: 3 }, () => ['site-2', 'site-10']),
    );
  });

  it('ends a run that needs it with its own name, and is asked again when the run goes on', async () => {
    const folder = join(root, 'ended');
    const ended = await startFakeRun(folder, learnAs('site-1'));
    await expect(ended.done).rejects.toMatchObject({
      code: 'NF_TRAIN_METRICS_DIFFER',
      place: { site: 'site-1', round: 1 },
    });
    const again = await startFakeRun(folder, learnAs('nobody'));
    await again.done;
    expect(again.channel.tasks.filter(({ round }) => round === 1).map(({ site }) => site)).toEqual([
      'site-1',
    ]);
  });

  it('is asked again where a log of before holds its answer as a good one', async () => {
    const folder = join(root, 'older');
    const stop = new AbortController();
    const stopped = await startFakeRun(folder, {
      ...learnAs('site-2'),
      signal: stop.signal,
      wrapJournal: (journal) => ({
        ...journal,
        append: async (event: RunEvent) => {
          if (event.type === 'site.failed') throw new Error('stopped here');
          await journal.append(event);
        },
      }),
    });
    await expect(stopped.done).rejects.toThrow('stopped here');
    const again = await startFakeRun(folder, learnAs('nobody'));
    await again.done;
    const dropped = (await journaled(again)).filter(({ type }) => type === 'result.dropped');
    expect(dropped).toMatchObject([{ task: 'train/1/site-2' }]);
    expect(again.channel.tasks.filter(({ round }) => round === 1).map(({ site }) => site)).toEqual([
      'site-2',
    ]);
  });
});

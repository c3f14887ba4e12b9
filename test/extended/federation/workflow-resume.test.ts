import { cpSync, readdirSync, rmSync } from 'node:fs';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { encodeSafetensors } from '../../../src/runtime/base/tensors/safetensors.ts';
import { CrossSiteTable } from '../../../src/runtime/run/cross-site.ts';
import { personalPath, type RunFolder } from '../../../src/runtime/run/run-folder.ts';
import { readEvents } from '../../../src/runtime/run/stored-runs.ts';
import { type Behaviour, learn } from '../../support/fake-channel.ts';
import { dyingAfter, type FakeRun, type FakeRunOptions, startFakeRun } from '../../support/fake-run.ts';
import { type Learn, localSites } from '../../support/local-sites.ts';
import { float32 } from '../../support/param-sets.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const EVENTS_OF_THE_RUN = 23;
const ADAM = {
  server_optimizer: 'adam',
  server_learning_rate: 0.1,
  server_momentum: 0.9,
  server_beta2: 0.99,
  server_tau: 0.001,
};

/** Sites whose control variates change with their seeds. */
const withControl: Behaviour = (task, received) => {
  const reply = learn(task, received);
  const before = received.weights?.data[0] ?? 0;
  const control = encodeSafetensors({ weights: float32([before, task.seed % 7, 1]) });
  return reply === 'silent' || 'fails' in reply ? reply : { ...reply, files: { control } };
};

/** Sites that tell a loss: how far the model is from their number. */
const withLoss: Behaviour = (task, received) => {
  const reply = learn(task, received);
  const loss = Math.abs((received.weights?.data[0] ?? 0) - Number(task.site.slice('site-'.length)));
  return reply === 'silent' || 'fails' in reply ? reply : { ...reply, metrics: { ...reply.metrics, loss } };
};

/** What the log tells of models and sites. */
async function tableOf(folder: RunFolder) {
  const table = new CrossSiteTable();
  for await (const event of readEvents(folder)) table.take(event);
  return table.result();
}

async function outcome(run: FakeRun) {
  const bytes = await readFile(await run.done);
  const { position, states, best } = run.history();
  return { bytes, closed: run.closed, position, states, best, table: await tableOf(run.folder) };
}

describe('a run that was killed', () => {
  let whole: Awaited<ReturnType<typeof outcome>>;

  beforeAll(async () => {
    const run = await startFakeRun(join(root, 'whole'));
    whole = await outcome(run);
    expect(run.shown.filter(({ type }) => type !== 'task.started')).toHaveLength(EVENTS_OF_THE_RUN);
  });

  const cuts = Array.from({ length: EVENTS_OF_THE_RUN }, (_, index) => index + 1);
  const moments = cuts.flatMap((cut) => [
    { cut, lastIsKept: false, when: 'before' },
    { cut, lastIsKept: true, when: 'right after' },
  ]);

  it.each(moments)(
    '$when event $cut ends with the same bytes and figures',
    async ({ cut, lastIsKept, when }) => {
      const folder = join(root, `cut-${cut}-${when}`);
      const first = await startFakeRun(folder, { wrapJournal: dyingAfter(cut, lastIsKept), shuffle: cut });
      await expect(first.done).rejects.toThrow('killed');
      const second = await startFakeRun(folder, { shuffle: cut + 100 });
      expect(await outcome(second)).toEqual(whole);
      expect(readdirSync(join(folder, 'models'))).toEqual(
        expect.arrayContaining(readdirSync(join(root, 'whole/models'))),
      );
    },
  );

  it('in the middle of a write loses only the torn line', async () => {
    const folder = join(root, 'torn');
    const first = await startFakeRun(folder, { wrapJournal: dyingAfter(4, true) });
    await expect(first.done).rejects.toThrow('killed');
    await appendFile(join(folder, 'events.jsonl'), '{"time":"2026-01-01T00:00:00Z","event":{"type":"resul');
    expect(await outcome(await startFakeRun(folder))).toEqual(whole);
  });

  it('asks only the sites whose answers are missing', async () => {
    const folder = join(root, 'missing');
    await (await startFakeRun(folder, { wrapJournal: dyingAfter(4, true) })).done.catch(() => undefined);
    const answered = JSON.stringify(await readFile(join(folder, 'events.jsonl'), 'utf8'));
    const second = await startFakeRun(folder);
    await second.done;
    const again = second.channel.tasks.filter(({ round }) => round === 1);
    expect(again).toHaveLength(1);
    expect(answered).not.toContain(`\\"site\\":\\"${again[0]?.site}\\"`);
  });

  it('again and again still ends with the same bytes', async () => {
    const folder = join(root, 'again');
    for (let times = 0; times < 8; times++) {
      const run = await startFakeRun(folder, { wrapJournal: dyingAfter(3, true), shuffle: times });
      await run.done.catch(() => undefined);
    }
    expect((await outcome(await startFakeRun(folder))).bytes).toEqual(whole.bytes);
  });

  it('after its last round only hands out the model', async () => {
    const folder = join(root, 'closed');
    cpSync(join(root, 'whole'), folder, { recursive: true });
    const run = await startFakeRun(folder);
    expect(await outcome(run)).toEqual(whole);
    expect(run.channel.tasks).toEqual([]);
    rmSync(folder, { recursive: true });
  });
});

describe.each([
  { type: 'fedopt', workflowOptions: ADAM, events: 25 },
  { type: 'fedopt', workflowOptions: { ...ADAM, aggregator: 'median' }, events: 25 },
  { type: 'cyclic', workflowOptions: {}, events: 21 },
  { type: 'fedavg', workflowOptions: { cross_site_evaluation: true }, events: 43 },
  { type: 'scaffold', workflowOptions: { server_learning_rate: 0.5 }, events: 27, behave: withControl },
  {
    type: 'feddyn',
    workflowOptions: { feddyn_alpha: 0.5, averaged_tensors: [] },
    events: 25,
    behave: learn,
    every: 3,
  },
  { type: 'ifca', workflowOptions: { clusters: 2 }, events: 47, behave: withLoss, every: 4 },
] as const)('a run of $type that was killed', ({ type, workflowOptions, events, ...given }) => {
  const { every = 1, ...over } = { every: undefined, ...given };
  const how = { type, workflowOptions, ...over };
  const place = [type, ...Object.values(workflowOptions)].join('-');
  let whole: Awaited<ReturnType<typeof outcome>>;

  beforeAll(async () => {
    const run = await startFakeRun(join(root, place), how);
    whole = await outcome(run);
    expect(run.shown.filter(({ type: kind }) => kind !== 'task.started')).toHaveLength(events - 2);
  });

  const cuts = Array.from({ length: Math.floor((events - 2) / every) }, (_, index) => every * (index + 1));
  it.each(cuts)('at its event %i ends with the same bytes and figures', async (cut) => {
    for (const lastIsKept of [false, true]) {
      const folder = join(root, `${place}-${cut}-${lastIsKept}`);
      const wrapJournal = dyingAfter(cut, lastIsKept);
      const first = await startFakeRun(folder, { ...how, wrapJournal, shuffle: cut });
      await expect(first.done).rejects.toThrow('killed');
      expect(await outcome(await startFakeRun(folder, { ...how, shuffle: cut + 100 }))).toEqual(whole);
    }
  });
});

describe.each([
  { what: 'tensors that stay at each site', options: { local_tensors: ['head'] }, events: 20, every: 1 },
  {
    what: 'models of the sites themselves',
    options: { personalize_rounds: 1, train_alone: true },
    events: 40,
    every: 4,
  },
])('a run with $what, when it was killed', ({ what, options, events, every }) => {
  const initial = { head: float32([0]), kernel: float32([1, 2]) };
  const learn: Learn = ({ params: { head, kernel } }, { site, round, isEvaluate, session }) => {
    if (!head || !kernel) throw new Error('an array is missing');
    const metrics = { accuracy: head.data[0] ?? 0 };
    if (isEvaluate) return { metrics };
    const kept = Number(session.loadState() ?? 0) + 1;
    session.saveState(kept);
    const step = Number(site.slice(-1)) * round;
    return {
      params: {
        head: { ...head, data: head.data.map((x) => x * 2 + step * kept) },
        kernel: { ...kernel, data: kernel.data.map((x) => x + step + (head.data[0] ?? 0)) },
      },
      metrics,
    };
  };
  const start = async (name: string, more: FakeRunOptions = {}) => {
    const folder = join(root, name);
    const workflow = { n_clients: 3, num_rounds: 2, clients_per_round: 2, ...options };
    const { sitesIn, rules } = await localSites(folder, { patch: { workflow }, learn });
    const how = { model: initial, workflowOptions: options, sitesIn, rules, ...more };
    const run = await startFakeRun(join(folder, 'run'), how);
    const own = (site: string) => readFile(run.folder.at(personalPath(site))).catch(() => undefined);
    const end = async () => {
      const { bytes, states, best } = await outcome(run);
      const personal = await Promise.all(['site-1', 'site-2', 'site-3'].map(own));
      return { bytes, states, best, personal };
    };
    return { run, end };
  };
  /** A file may get its name in the middle of it. */
  const copied = (from: string, to: string) =>
    vi.waitFor(() => {
      rmSync(to, { recursive: true, force: true });
      cpSync(from, to, { recursive: true });
    });
  let whole: Awaited<ReturnType<Awaited<ReturnType<typeof start>>['end']>>;

  beforeAll(async () => {
    const { run, end } = await start(what);
    whole = await end();
    expect(run.shown.filter(({ type }) => type !== 'task.started')).toHaveLength(events);
    expect(whole.states.size).toBeGreaterThan(1);
  });

  it.each(Array.from({ length: Math.floor(events / every) }, (_, index) => every * (index + 1)))(
    'at its event %i ends with the same bytes, those that each site has of its own among them',
    async (cut) => {
      for (const lastIsKept of [false, true]) {
        const name = `${what}-${cut}-${lastIsKept}`;
        const first = await start(name, { wrapJournal: dyingAfter(cut, lastIsKept) });
        await expect(first.run.done).rejects.toThrow('killed');
        // Sites of this process live on for a moment, where a kill ends them: what they write yet is another folder's.
        await copied(join(root, name), join(root, `${name}-resumed`));
        expect(await (await start(`${name}-resumed`)).end()).toEqual(whole);
      }
    },
  );

  it('trains on no other values than those that a site has kept', async () => {
    const first = await start(`${what}-changed`, { wrapJournal: dyingAfter(events / 2, true) });
    await expect(first.run.done).rejects.toThrow('killed');
    const { states } = first.run.history();
    expect(states.size).toBe(2);
    for (const { path } of states.values()) await writeFile(first.run.folder.at(path), 'changed');
    await expect((await start(`${what}-changed`)).run.done).rejects.toThrow(/state-0001.*\.bin.*SHA-256/);
  });
});

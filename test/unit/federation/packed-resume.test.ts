import { cpSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { remainsName } from '../../../src/runtime/site/kept.ts';
import { dyingAfter, type FakeRunOptions, startFakeRun } from '../../support/fake-run.ts';
import { type Learn, localSites } from '../../support/local-sites.ts';
import { readModel } from '../../support/model-files.ts';
import { float32 } from '../../support/param-sets.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const initial = { head: float32([0]), kernel: float32([1, 2, 3, 4]) };

/** Of four numbers one travels; the site counts its tasks, and moves less of what has come to it. */
const learn: Learn = ({ params: { head, kernel } }, { site, round, isEvaluate, session }) => {
  if (!head || !kernel) throw new Error('an array is missing');
  const metrics = { accuracy: kernel.data[0] ?? 0 };
  const times = Number(session.loadState() ?? 0) + 1;
  // Also in tasks of scores, where nothing travels.
  session.saveState(times);
  if (isEvaluate) return { metrics };
  const step = Number(site.slice(-1)) * round;
  return {
    params: {
      head: { ...head, data: head.data.map((x) => x + times) },
      kernel: { ...kernel, data: kernel.data.map((x, at) => x + step / (at + 1 + times)) },
    },
    metrics,
  };
};

interface Kind {
  readonly packing: { readonly name: string; readonly ratio?: number };
  readonly local: readonly string[];
  readonly crossSite?: boolean;
  /** Of its events, which are cut at. */
  readonly every?: number;
}

async function start(name: string, { packing, local, crossSite = false }: Kind, more: FakeRunOptions = {}) {
  const folder = join(root, name);
  const workflow = { n_clients: 2, num_rounds: 2, local_tensors: local, cross_site_evaluation: crossSite };
  const patch = {
    workflow,
    task_result_filters: [packing],
    model: { initial_params: { head: { data: [0] }, kernel: { data: [1, 2, 3, 4] } } },
  };
  const { sitesIn, rules } = await localSites(folder, { patch, learn, clients: 2 });
  const run = await startFakeRun(join(folder, 'run'), {
    model: initial,
    sitesIn,
    rules,
    ...(crossSite && { workflowOptions: { cross_site_evaluation: true } }),
    ...more,
  });
  const end = async () => {
    const model = await readModel(await run.done);
    const states = [...run.history().states.values()];
    return { model, states: states.map(({ sha256 }) => sha256).sort() };
  };
  return { run, end };
}

/** A file may get its name in the middle of it. */
const copied = (from: string, to: string) =>
  vi.waitFor(() => {
    rmSync(to, { recursive: true, force: true });
    cpSync(from, to, { recursive: true });
  });

const TOP = { name: 'top_k', ratio: 0.25 };

describe.each<Kind>([
  { packing: TOP, local: [] },
  { packing: TOP, local: ['head'], every: 4 },
  { packing: TOP, local: [], crossSite: true, every: 6 },
])('a run of packed updates: $packing.name, of its own $local', (kind) => {
  const place = `${kind.packing.name}-${kind.local.length}-${kind.crossSite === true}`;
  let whole: Awaited<ReturnType<Awaited<ReturnType<typeof start>>['end']>>;
  let events = 0;

  beforeAll(async () => {
    const { run, end } = await start(place, kind);
    whole = await end();
    events = run.shown.filter(({ type }) => type !== 'task.started').length;
  });

  it('that is killed at any of its events ends with the same bytes, at the sites, too', async () => {
    expect(events).toBeGreaterThan(10);
    for (let cut = 1; cut <= events; cut += kind.every ?? 1) {
      const name = `${place}-${cut}`;
      const first = await start(name, kind, { wrapJournal: dyingAfter(cut, cut % 2 === 0) });
      await expect(first.run.done).rejects.toThrow('killed');
      await copied(join(root, name), join(root, `${name}-resumed`));
      expect(await (await start(`${name}-resumed`, kind)).end()).toEqual(whole);
      rmSync(join(root, name), { recursive: true, force: true });
      rmSync(join(root, `${name}-resumed`), { recursive: true, force: true });
    }
  });
});

describe('what did not travel', () => {
  it('stays at the site beside what its script keeps, and is added to the next update', async () => {
    const { run } = await start('one', { packing: TOP, local: [] });
    const model = await readModel(await run.done);
    const { states } = run.history();
    const path = run.folder.at(states.get('site-1')?.path ?? '');
    const kept = await readModel(path);
    expect(Object.keys(kept).sort()).toEqual(
      ['', remainsName('model', 'head'), remainsName('model', 'kernel')].sort(),
    );
    // Behind what only this site knows.
    expect(kept['']?.data.length).toBeGreaterThan(32);
    // Site n moves the first number by n * round / (1 + round) in each of two rounds: what has travelled and what is left.
    const sites = [1, 2];
    const all = [0, 1, 2, 3].map((at) =>
      [1, 2].reduce((sum, round) => sum + (1.5 * round) / (at + 1 + round), 0),
    );
    const left = [0, 0, 0, 0];
    for (const site of sites) {
      const own = await readModel(run.folder.at(states.get(`site-${site}`)?.path ?? ''));
      const values = Array.from(own[remainsName('model', 'kernel')]?.data ?? []);
      for (const [at, value] of values.entries()) left[at] = (left[at] ?? 0) + value / sites.length;
    }
    for (const [at, value] of all.entries())
      expect((model.kernel?.data[at] ?? 0) - (at + 1) + (left[at] ?? 0)).toBeCloseTo(value, 4);
  });

  it('is looked at before it is used again', async () => {
    const first = await start('changed', { packing: TOP, local: [] }, { wrapJournal: dyingAfter(9, true) });
    await expect(first.run.done).rejects.toThrow('killed');
    const { states } = first.run.history();
    expect(states.size).toBeGreaterThan(0);
    for (const { path } of states.values()) await writeFile(first.run.folder.at(path), 'changed');
    const again = await start('changed', { packing: TOP, local: [] });
    await expect(again.run.done).rejects.toThrow(/state-000\d\.bin.*SHA-256/);
  });
});

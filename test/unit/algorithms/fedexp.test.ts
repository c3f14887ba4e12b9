import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Behaviour } from '../../support/fake-channel.ts';
import { dyingAfter, startFakeRun } from '../../support/fake-run.ts';
import { readModel } from '../../support/model-files.ts';
import { float32 } from '../../support/param-sets.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;
const EPSILON = 0.001;

interface Site {
  readonly examples: number;
  /** What it brings the model to. */
  readonly train: (w: readonly number[]) => number[];
}

/** Each pulls one coordinate to its own value, and the others a little: their differences point to different sides. */
const SITES: Readonly<Record<string, Site>> = {
  'site-1': { examples: 1, train: ([x = 0, y = 0, z = 0]) => [x - 0.9 * (x - 4), 0.95 * y, 0.95 * z] },
  'site-2': { examples: 2, train: ([x = 0, y = 0, z = 0]) => [0.95 * x, y - 0.8 * (y + 3), 0.95 * z] },
  'site-10': { examples: 5, train: ([x = 0, y = 0, z = 0]) => [0.95 * x, 0.95 * y, z - 0.7 * (z - 9)] },
};

function behaviour(sites: Readonly<Record<string, Site>>, sends: 'FULL' | 'DIFF' = 'FULL'): Behaviour {
  return ({ name, site }, { weights }) => {
    const metrics = { accuracy: 0.5 };
    const { examples = 1, train = () => [] } = sites[site] ?? {};
    if (name !== 'train') return { metrics };
    const before = [...(weights?.data ?? [])];
    const after = train(before);
    const data = sends === 'FULL' ? after : after.map((value, at) => value - (before[at] ?? 0));
    return { params: { weights: float32(data) }, paramsType: sends, metrics, numExamples: examples };
  };
}

/** Algorithm 1 of the paper, step by step on whole models; examples in place of equal shares. */
function slowly(sites: Readonly<Record<string, Site>>, first: readonly number[], rounds: number): number[] {
  const all = Object.values(sites);
  const total = all.reduce((sum, { examples }) => sum + examples, 0);
  let w = [...first];
  for (let round = 0; round < rounds; round++) {
    const deltas = all.map(({ train }) => train(w).map((value, at) => Math.fround(value) - (w[at] ?? 0)));
    const share = (at: number) => (all[at]?.examples ?? 0) / total;
    const mean = w.map((_, at) =>
      deltas.reduce((sum, delta, site) => sum + share(site) * (delta[at] ?? 0), 0),
    );
    const square = (values: readonly number[]) => values.reduce((sum, value) => sum + value * value, 0);
    const spread = deltas.reduce((sum, delta, site) => sum + share(site) * square(delta), 0);
    const rate = Math.max(1, spread / (2 * (square(mean) + EPSILON)));
    w = w.map((value, at) => Math.fround(value + rate * (mean[at] ?? 0)));
  }
  return w;
}

const start = (over: object = {}, folder = join(root, String(count++))) =>
  startFakeRun(folder, {
    type: 'fedexp',
    workflowOptions: { extrapolation_epsilon: EPSILON },
    behave: behaviour(SITES),
    rules: { numRounds: 4 },
    ...over,
  });
const finalOf = async (run: Awaited<ReturnType<typeof start>>) => [
  ...((await readModel(await run.done)).weights?.data ?? []),
];

describe('FedExP', () => {
  it.each(['FULL', 'DIFF'] as const)(
    'is its algorithm step by step, of answers that are %s',
    async (sends) => {
      const made = await finalOf(await start({ behave: behaviour(SITES, sends) }));
      const expected = slowly(SITES, [1, 2, 3], 4);
      for (const [at, value] of made.entries()) expect(value).toBeCloseTo(expected[at] ?? 0, 4);
      // It goes further than FedAvg, else this would show nothing.
      const plain = await finalOf(await start({ type: 'fedavg', workflowOptions: {} }));
      expect(Math.hypot(...made.map((value, at) => value - (plain[at] ?? 0)))).toBeGreaterThan(0.5);
    },
  );

  it('goes half as far as there are sites that pull at right angles, as the paper says of the rate', async () => {
    const pull = (axis: number): Site => ({
      examples: 1,
      train: (w) => w.map((value, at) => (at === axis ? 0 : value)),
    });
    const sites = { 'site-1': pull(0), 'site-2': pull(1), 'site-10': pull(2) };
    const model = { weights: float32([100, 100, 100]) };
    const run = await start({ behave: behaviour(sites), rules: { numRounds: 1 }, model });
    // The mean difference is a third of 100 along each axis; the rate is 3 / 2.
    for (const value of await finalOf(run)) expect(value).toBeCloseTo(50, 2);
  });

  it('is FedAvg where all sites go the same way', async () => {
    const same: Site = { examples: 3, train: (w) => w.map((value) => value / 2) };
    const behave = behaviour({ 'site-1': same, 'site-2': same, 'site-10': same });
    const plain = await finalOf(await start({ type: 'fedavg', workflowOptions: {}, behave }));
    expect(await finalOf(await start({ behave }))).toEqual(plain);
  });

  it('lets no site count by a made up number of examples', async () => {
    const lying = { ...SITES, 'site-10': { examples: 1e12, train: (w: readonly number[]) => [...w] } };
    const run = await start({
      behave: behaviour(lying),
      rules: { numRounds: 1, maxWeightRatio: 2 },
    });
    const bounded = { ...lying, 'site-10': { ...lying['site-10'], examples: 3 } };
    const expected = slowly(bounded, [1, 2, 3], 1);
    for (const [at, value] of (await finalOf(run)).entries()) expect(value).toBeCloseTo(expected[at] ?? 0, 4);
    const notes = run.shown.flatMap((event) => (event.type === 'round.closed' ? (event.notes ?? []) : []));
    expect(notes.join()).toMatch(/site-10 gives numExamples/);
  });

  it('that is killed at any of its events ends with the same bytes', async () => {
    const rules = { numRounds: 2 };
    const whole = await start({ rules });
    const wanted = await readModel(await whole.done);
    const events = whole.shown.filter(({ type }) => type !== 'task.started').length;
    for (let cut = 1; cut <= events; cut++) {
      const folder = join(root, String(count++));
      const wrapJournal = dyingAfter(cut);
      await (await start({ rules, wrapJournal, shuffle: cut }, folder)).done.catch(() => undefined);
      expect(await readModel(await (await start({ rules }, folder)).done)).toEqual(wanted);
    }
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { RunEvent } from '../../../../src/runtime/run/events.ts';
import { type RunFolder, runFolder } from '../../../../src/runtime/run/run-folder.ts';
import { readEvents } from '../../../../src/runtime/run/stored-runs.ts';
import { writeJob } from '../../../support/job-folder.ts';
import { readModel } from '../../../support/model-files.ts';
import { RULED_SCRIPT } from '../../../support/ruled-script.ts';
import { simulateQuietly } from '../../../support/simulate-quietly.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
const numbers = z.array(z.number());
const common = {
  base: numbers,
  sites: z.array(z.object({ a: numbers, b: numbers })),
  steps: z.number(),
  rate: z.number(),
  drawn: z.array(z.array(z.string())),
};
const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../../parity/${name}.json`, import.meta.url), 'utf8'));
/** See test/parity/feddyn.py and ditto.py, which wrote them. */
const FEDDYN = z
  .object({ ...common, alpha: z.number(), rounds: z.array(z.object({ model: numbers, h: numbers })) })
  .parse(read('feddyn'));
const DITTO = z
  .object({
    ...common,
    lambda: z.number(),
    rounds: z.array(z.object({ model: numbers, personal: z.record(z.string(), numbers) })),
  })
  .parse(read('ditto'));

interface Reference {
  readonly base: readonly number[];
  readonly sites: readonly object[];
  readonly steps: number;
  readonly rate: number;
  readonly drawn: readonly (readonly string[])[];
}

interface Ran {
  readonly folder: RunFolder;
  readonly events: readonly RunEvent[];
}

async function run({ base, sites, steps, rate, drawn }: Reference, workflow: object): Promise<Ran> {
  const place = join(root, JSON.stringify(workflow).replace(/\W+/g, '-'));
  const job = await writeJob(join(place, 'job'), {
    script: RULED_SCRIPT,
    patch: {
      workflow: {
        n_clients: sites.length,
        clients_per_round: 2,
        num_rounds: drawn.length,
        key_metric: 'loss',
        ...workflow,
      },
      model: { initial_params: { weights: { dtype: 'float64', data: base } } },
      sites: Object.fromEntries(
        sites.map((args, at) => [`site-${at + 1}`, { args: { ...args, steps, rate } }]),
      ),
    },
  });
  const folder = runFolder(await simulateQuietly(job, { workspace: join(place, 'work') }));
  const events = await Array.fromAsync(readEvents(folder));
  const members = events.flatMap((event) => (event.type === 'members.chosen' ? [event.sites] : []));
  expect(members.slice(0, -1)).toEqual(drawn);
  return { folder, events };
}

const lastModel = async ({ folder }: Ran) => [
  ...((await readModel(folder.at('model.safetensors'))).weights?.data ?? []),
];
function expectClose(found: readonly number[], wanted: readonly number[] = []): void {
  expect(found).toHaveLength(3);
  for (const [at, value] of found.entries()) expect(value).toBeCloseTo(wanted[at] ?? Number.NaN, 10);
}

describe('a simulation of FedDyn', () => {
  it('comes to the model and server state of the full computation, also at sites that were not drawn', async () => {
    const ran = await run(FEDDYN, { type: 'feddyn', feddyn_alpha: FEDDYN.alpha });
    const last = FEDDYN.rounds.at(-1);
    expectClose(await lastModel(ran), last?.model);
    const closed = ran.events.findLast((event) => event.type === 'round.closed' && event.model !== undefined);
    const path = closed?.type === 'round.closed' ? closed.state?.h?.path : undefined;
    expectClose([...((await readModel(ran.folder.at(path ?? ''))).weights?.data ?? [])], last?.h);
  });
});

describe('a simulation of Ditto', () => {
  let ran: Ran;

  beforeAll(async () => {
    ran = await run(DITTO, { type: 'ditto', ditto_lambda: DITTO.lambda });
  });

  it('comes to the global and personal models of the full computation', async () => {
    expectClose(await lastModel(ran), DITTO.rounds.at(-1)?.model);
    // What a site begins with in a round is what it came to in the last one it was in.
    const received = ran.events.flatMap((event) => {
      if (event.type !== 'result.accepted') return [];
      const { metrics } = event.result;
      return [[event.task, [metrics.w0, metrics.w1, metrics.w2].map(Number)] as const];
    });
    const seen = new Map(received);
    const last = new Map<string, number[]>();
    for (const [index, { personal }] of DITTO.rounds.entries())
      for (const [site, model] of Object.entries(personal)) {
        const before = last.get(site) ?? (index === 0 ? DITTO.base : DITTO.rounds[index - 1]?.model);
        expectClose(seen.get(`train_personal/${index + 1}/${site}/personal`) ?? [], before);
        last.set(site, model);
      }
    const scored = received.filter(([task]) => task.startsWith('score_personal/'));
    expect(scored).toHaveLength(2);
    for (const [task, found] of scored) expectClose(found, last.get(task.split('/')[2] ?? ''));
  });

  it('trains a model alone in each round, too, from the initial one, without a pull', () => {
    const alone = ran.events.flatMap((event) =>
      event.type === 'result.accepted' && event.task.startsWith('train_alone/') ? [event] : [],
    );
    const first = new Map<string, number>();
    for (const { task, result } of alone) {
      const site = task.split('/')[2] ?? '';
      if (!first.has(site)) first.set(site, Number(result.metrics.w0));
    }
    expect([...first.values()]).toEqual([0.5, 0.5, 0.5]);
  });
});

describe('a script that trains without what its workflow asks for', () => {
  it.each([
    ['feddyn', 'pull', 'NF_SCRIPT_PROXIMAL'],
    ['feddyn', 'correction', 'NF_SCRIPT_CORRECTION'],
  ])('%s: %s, ends with its site', async (type, ignored, code) => {
    const job = await writeJob(join(root, `${type}-${ignored}`), {
      script: RULED_SCRIPT,
      patch: {
        workflow: { type, key_metric: 'loss' },
        model: { initial_params: { weights: { dtype: 'float64', data: [1, 2, 3] } } },
        executor: { args: { ignores: [ignored] } },
      },
    });
    await expect(simulateQuietly(job, { workspace: join(root, 'work') })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`workflow is ${type}`),
      place: { site: expect.stringMatching(/^site-[12]$/), round: 1 },
    });
  });
});

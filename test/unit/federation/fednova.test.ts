import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Behaviour } from '../../support/fake-channel.ts';
import { dyingAfter, startFakeRun } from '../../support/fake-run.ts';
import { readModel } from '../../support/model-files.ts';
import { float32 } from '../../support/param-sets.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;
/** By site: examples, steps of SGD, and what one step moves the model by. */
const SITES: Readonly<Record<string, readonly [examples: number, steps: number, move: number]>> = {
  'site-1': [1, 2, 0.5],
  'site-2': [2, 10, -0.25],
  'site-10': [5, 4, 1],
};
const behave: Behaviour = (task, { weights }) => {
  const [numExamples = 1, steps = 1, move = 0] = SITES[task.site] ?? [];
  const data = [...(weights?.data ?? [])].map((x) => x + steps * move);
  const metrics = { accuracy: task.round / 10 };
  return task.name === 'train'
    ? { params: { weights: float32(data) }, values: { steps }, metrics, numExamples }
    : { metrics };
};
const start = (over: object = {}, folder = join(root, String(count++))) =>
  startFakeRun(folder, { type: 'fednova', behave, ...over });

describe('FedNova', () => {
  it('moves by the mean step, weighted by examples, times the mean number of steps', async () => {
    const model = await readModel(await (await start()).done);
    const all = Object.values(SITES);
    const mean = (of: (site: (typeof all)[number]) => number) =>
      all.reduce((sum, site) => sum + (site[0] / 8) * of(site), 0);
    const moved = 2 * mean(([, steps]) => steps) * mean(([, , move]) => move);
    for (const [at, x] of [1, 2, 3].entries()) expect(model.weights?.data[at]).toBeCloseTo(x + moved, 5);
  });

  it.each([
    ['examples', [1e12, 2], [100, 2]],
    ['steps', [1, 1e12], [1, 300]],
  ] as const)(
    'lets no site count by a made up number of %s',
    async (what, [examples, steps], [counted, taken]) => {
      const lying: Behaviour = (task, received) => {
        const reply = behave(task, received);
        if (task.site !== 'site-10' || task.name !== 'train') return reply;
        return { params: received, values: { steps }, metrics: { accuracy: 1 }, numExamples: examples };
      };
      const run = await start({
        behave: lying,
        rules: { numRounds: 1, maxWeightRatio: what === 'steps' ? 50 : 66.6666 },
      });
      const model = await readModel(await run.done);
      const all = [
        [1, 2, 0.5],
        [2, 10, -0.25],
        [counted, 0, 0],
      ] as const;
      const sum = 3 + counted;
      const mean = (of: (site: (typeof all)[number]) => number) =>
        all.reduce((total, site) => total + (site[0] / sum) * of(site), 0);
      const moved = (mean(([, own]) => own) + (counted / sum) * taken) * mean(([, , move]) => move);
      for (const [at, x] of [1, 2, 3].entries()) expect(model.weights?.data[at]).toBeCloseTo(x + moved, 3);
      const notes = run.shown.flatMap((event) => (event.type === 'round.closed' ? (event.notes ?? []) : []));
      expect(notes.join()).toMatch(what === 'steps' ? /site-10 gives steps/ : /site-10 gives numExamples/);
    },
  );

  it('ends by name with a site that does not say its steps', async () => {
    const silent: Behaviour = () => ({
      params: { weights: float32([1, 2, 3]) },
      values: { steps: 'many' },
    });
    await expect((await start({ behave: silent })).done).rejects.toMatchObject({
      code: 'NF_PAYLOAD_FORM',
      message: expect.stringContaining("'steps' of train/1/site-1"),
    });
  });

  it('that is killed at any of its events ends with the same bytes', async () => {
    const whole = await start();
    const wanted = await readModel(await whole.done);
    const events = whole.shown.filter(({ type }) => type !== 'task.started').length;
    for (let cut = 1; cut <= events; cut++) {
      const folder = join(root, String(count++));
      await (await start({ wrapJournal: dyingAfter(cut), shuffle: cut }, folder)).done.catch(() => undefined);
      expect(await readModel(await (await start({}, folder)).done)).toEqual(wanted);
    }
  });
});

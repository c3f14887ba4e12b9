import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseHarmonisation } from '../../../src/runtime/algorithms/harmonisation/record.ts';
import { HARMONISATION_INPUT, HARMONISE_TASKS } from '../../../src/runtime/algorithms/harmonisation/tasks.ts';
import { COMMON_TASKS } from '../../../src/runtime/algorithms/task.ts';
import type { JsonValue } from '../../../src/runtime/job/definition.ts';
import { optionsOf } from '../../../src/runtime/job/workflow-options.ts';
import { tasksOf } from '../../../src/runtime/job/workflow-tasks.ts';
import { type Behaviour, learn } from '../../support/fake-channel.ts';
import { dyingAfter, startFakeRun } from '../../support/fake-run.ts';
import { readModel } from '../../support/model-files.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

const form = { image_size: 32, slices: 9 };
/** Of two landmarks and two classes. */
const effects = (first: number, images = 12): Readonly<Record<string, JsonValue>> => ({
  form,
  classes: [
    { images, sums: [images * first, images * 100] },
    { images, sums: [images * (first + 9), images * 120] },
  ],
  squares: [images * (first ** 2 + (first + 9) ** 2 + 30), images * (100 ** 2 + 120 ** 2 + 50)],
});
const ANSWERS: Readonly<Record<string, Readonly<Record<string, JsonValue>>>> = {
  'site-1': { 'harmonise.effects': effects(40), 'harmonise.scale': { form, images: 10, sums: [0, 1000] } },
  'site-2': { 'harmonise.effects': effects(44), 'harmonise.scale': { form, images: 30, sums: [300, 3000] } },
  'site-10': { 'harmonise.effects': effects(52), 'harmonise.scale': { form, images: 20, sums: [60, 2000] } },
};

function behaviour(over: typeof ANSWERS = {}): Behaviour {
  return (task, received) => {
    if (!(task.name in HARMONISE_TASKS)) {
      // Every task after them is given what was found.
      if (!task.inputs.harmonisation) return { fails: 'no harmonisation' };
      return task.name === 'train' ? learn(task, received) : { metrics: { accuracy: 0.5 } };
    }
    const sums = { ...ANSWERS[task.site], ...over[task.site] }[task.name];
    return { values: { sums: sums ?? null } };
  };
}

const given = { inputs: HARMONISATION_INPUT };
const tasks = {
  train: { ...COMMON_TASKS.train, ...given },
  evaluate: { ...COMMON_TASKS.evaluate, ...given },
  ...HARMONISE_TASKS,
};
const start = (harmonisation: string, over: object = {}, folder = join(root, String(count++))) =>
  startFakeRun(folder, {
    workflowOptions: { harmonisation },
    behave: behaviour(),
    rules: { tasks },
    ...over,
  });

const recordIn = (run: Awaited<ReturnType<typeof start>>) => {
  const { harmonisation } = run.history();
  return parseHarmonisation(readFileSync(run.folder.at(harmonisation?.path ?? ''), 'utf8'));
};

describe('a workflow that harmonises', () => {
  it('adds the sums of the scale, whatever the order of answers', async () => {
    const runs = [await start('nyul'), await start('nyul', { shuffle: 5 })];
    for (const run of runs) {
      await run.done;
      expect(recordIn(run)).toMatchObject({
        method: 'nyul',
        form,
        landmarks: { images: 60, sums: [360, 6000] },
        effects: null,
      });
    }
  });

  it('gives what was found to every task, also of models that sites have of their own', async () => {
    const chosen = { harmonisation: 'nyul', personalize_rounds: 1, cross_site_evaluation: true };
    const options = optionsOf({ type: 'fedavg', ...chosen });
    const seen = new Map<string, boolean>();
    const run = await start('nyul', {
      workflowOptions: options,
      rules: { tasks: tasksOf({ workflow: { type: 'fedavg', options }, packing: undefined }) },
      behave: (task: Parameters<Behaviour>[0], received: Parameters<Behaviour>[1]) => {
        if (!(task.name in HARMONISE_TASKS))
          seen.set(task.name, (seen.get(task.name) ?? true) && task.inputs.harmonisation !== undefined);
        return behaviour()(task, received);
      },
    });
    await run.done;
    expect([...seen.keys()].sort()).toEqual(
      ['evaluate', 'personalize', 'score_alone', 'score_personal', 'train', 'train_alone', 'validate'].sort(),
    );
    expect([...seen.values()]).not.toContain(false);
  });

  it('finds that a site whose greys lie higher is to be lowered', async () => {
    const run = await start('combat');
    await run.done;
    const { means = [], sites = {} } = recordIn(run)?.effects ?? {};
    const shown = (site: string, grey: number) => {
      const { gain = [], offset = [] } = sites[site] ?? {};
      return grey * (gain[0] ?? 0) + (offset[0] ?? 0);
    };
    expect(means[0]).toBeCloseTo((40 + 44 + 52) / 3 + 4.5, 5);
    // Sites lie 12 apart, and half of that at most once what is found is held to the other landmark.
    expect(Math.abs(shown('site-10', 56.5) - shown('site-1', 44.5))).toBeLessThan(6);
    expect(sites['site-2']?.images).toEqual([12, 12]);
  });

  it.each(['nyul', 'combat'])(
    'by %s that is killed at any of its events ends with the same bytes',
    async (method) => {
      const rules = { tasks, numRounds: 1 };
      const whole = await start(method, { rules });
      const [wanted, record] = [await readModel(await whole.done), recordIn(whole)];
      const events = whole.shown.filter(({ type }) => type !== 'task.started').length;
      for (let cut = 1; cut <= events; cut++) {
        const folder = join(root, String(count++));
        const wrapJournal = dyingAfter(cut);
        await (await start(method, { rules, wrapJournal, shuffle: cut }, folder)).done.catch(() => undefined);
        const again = await start(method, { rules }, folder);
        expect(await readModel(await again.done)).toEqual(wanted);
        expect(recordIn(again)).toEqual(record);
      }
    },
  );

  it.each([
    ['nyul', 'harmonise.scale', { form, images: 1e9, sums: [1e11, 1e11] }],
    ['combat', 'harmonise.effects', effects(200, 1e9)],
  ])('by %s counts no site by a made up number of images', async (method, task, lie) => {
    const run = await start(method, {
      behave: behaviour({ 'site-10': { [task]: lie } }),
      rules: { tasks, maxWeightRatio: 2 },
    });
    await run.done;
    const record = recordIn(run);
    const [means] = [
      record?.effects?.means ?? record?.landmarks?.sums.map((sum) => sum / (record.landmarks?.images ?? 1)),
    ];
    // A third site that counts as twice the one in the middle: 10, 30 and 40 images, or 24, 24 and 48.
    const wanted = method === 'nyul' ? (300 + 4000) / 80 : (44.5 + 48.5 + 2 * 204.5) / 4;
    expect(means?.[0]).toBeCloseTo(wanted, 5);
    expect(JSON.stringify(run.shown)).toContain('site-10 gives sums over');
  });

  const apart = { form, classes: [null, { images: 12, sums: [600, 1400] }], squares: [30_100, 164_000] };
  const first = { form, classes: [{ images: 12, sums: [600, 1400] }, null], squares: [30_100, 164_000] };
  it.each([
    ['whose sums are none', { 'site-2': { 'harmonise.effects': { form } } }, 'NF_PAYLOAD_FORM'],
    [
      'whose squares no greys have',
      { 'site-2': { 'harmonise.effects': { ...effects(44), squares: [0, 0] } } },
      'NF_PAYLOAD_FORM',
    ],
    ['of one image', { 'site-2': { 'harmonise.effects': effects(44, 1) } }, 'NF_PAYLOAD_FORM'],
    [
      'of no class',
      { 'site-2': { 'harmonise.effects': { form, classes: [null, null], squares: [0, 0] } } },
      'NF_PAYLOAD_FORM',
    ],
    ['brighter than white', { 'site-2': { 'harmonise.effects': effects(300) } }, 'NF_PAYLOAD_FORM'],
    [
      'that has other landmarks',
      { 'site-2': { 'harmonise.effects': { ...first, squares: [1] } } },
      'NF_PAYLOAD_FORM',
    ],
    [
      'of other pictures',
      { 'site-10': { 'harmonise.effects': { ...first, form: { ...form, image_size: 64 } } } },
      'NF_HARMONISE_PICTURES',
    ],
    [
      'that has no class of the others',
      {
        'site-1': { 'harmonise.effects': first },
        'site-2': { 'harmonise.effects': first },
        'site-10': { 'harmonise.effects': apart },
      },
      'NF_HARMONISE_CONFOUNDED',
    ],
  ])('ends before training with a site %s', async (_, over, code) => {
    const run = await start('combat', { behave: behaviour(over) });
    await expect(run.done).rejects.toMatchObject({ code });
    expect(run.shown.some((event) => event.type === 'round.opened' && event.name === 'train')).toBe(false);
  });

  it('tells of greys that are constant, and of a site that is alone', async () => {
    const constant = { form, classes: [{ images: 12, sums: [480, 1200] }, null], squares: [19_200, 120_000] };
    const all = Object.fromEntries(
      Object.keys(ANSWERS).map((site) => [site, { 'harmonise.effects': constant }]),
    );
    await expect((await start('combat', { behave: behaviour(all) })).done).rejects.toMatchObject({
      code: 'NF_HARMONISE_CONSTANT',
    });
    const alone = { sites: ['site-1'], rules: { tasks, minClients: 1 } };
    await expect((await start('combat', alone)).done).rejects.toMatchObject({ code: 'NF_HARMONISE_ALONE' });
  });
});

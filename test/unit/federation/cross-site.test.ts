import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../../../src/runtime/base/tensors/safetensors.ts';
import { shownEvent } from '../../../src/runtime/deployment/server/jobs/shown-event.ts';
import { type CrossSiteEvaluation, CrossSiteTable } from '../../../src/runtime/run/cross-site.ts';
import { readEvents } from '../../../src/runtime/run/stored-runs.ts';
import type { Behaviour } from '../../support/fake-channel.ts';
import { type FakeRun, type FakeRunOptions, startFakeRun } from '../../support/fake-run.ts';
import { float32 } from '../../support/param-sets.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;
/** What a round of training adds to the model at each site, and how much of it counts. */
const SITES: Readonly<Record<string, readonly [step: number, examples: number]>> = {
  'site-1': [1, 1],
  'site-2': [2, 2],
  'site-10': [4, 1],
};
const NAMES = Object.keys(SITES);
const stepOf = (site: string) => SITES[site]?.[0] ?? 0;

/** A model is one number in all places; a site scores it by its distance from ten times its own step. */
const scoreOf = (model: number, site: string) => model - 10 * stepOf(site);
const train: Behaviour = (task, { weights }) => {
  const now = weights?.data[0] ?? 0;
  const metrics = { accuracy: scoreOf(now, task.site), note: 'text' };
  if (task.form.answer.model === undefined) return { metrics };
  const [step = 0, numExamples = 1] = SITES[task.site] ?? [];
  return { params: { weights: float32([1, 2, 3].map((x) => x + now - 1 + step)) }, metrics, numExamples };
};
/** The same, as what it adds. */
const differences: Behaviour = (task, received) => {
  const reply = train(task, received);
  if (reply === 'silent' || 'fails' in reply || !reply.params) return reply;
  const step = stepOf(task.site);
  return { ...reply, params: { weights: float32([step, step, step]) }, paramsType: 'DIFF' };
};
/** As `behave`, but where `fails` says so. */
const failing =
  (fails: (id: string) => boolean, behave = train): Behaviour =>
  (task, received) =>
    fails(task.id) ? { fails: 'no disk' } : behave(task, received);

const start = (over: FakeRunOptions = {}) =>
  startFakeRun(join(root, String(count++)), {
    workflowOptions: { cross_site_evaluation: true },
    behave: train,
    ...over,
  });

async function tableOf(run: FakeRun): Promise<CrossSiteEvaluation | undefined> {
  await run.done;
  const table = new CrossSiteTable();
  for await (const event of readEvents(run.folder)) table.take(event);
  return table.result();
}

const row = (model: string | null, at: number, sites = NAMES) => ({
  model,
  scores: Object.fromEntries(sites.map((site) => [site, { metrics: { accuracy: scoreOf(at, site) } }])),
});
/** One round moves the mean by (1 * 1 + 2 * 2 + 4 * 1) / 4. */
const MEAN = 2.25;
const WHOLE = [row(null, 1 + 2 * MEAN), ...NAMES.map((site) => row(site, 1 + MEAN + stepOf(site)))];

describe('cross-site evaluation', () => {
  it.each([
    ['whole models', train],
    ['differences', differences],
  ])('scores the last model of each site, and the global one, at every site: of %s', async (_, behave) => {
    expect(await tableOf(await start({ behave }))).toEqual(WHOLE);
  });

  it('is the same in FedProx, and there is none where the job does not ask for it', async () => {
    expect(await tableOf(await start({ type: 'fedprox' }))).toEqual(WHOLE);
    expect(await tableOf(await start({ workflowOptions: {} }))).toBeUndefined();
  });

  it.each([
    ['fednova', { cross_site_evaluation: true }],
    ['scaffold', { cross_site_evaluation: true, server_learning_rate: 1, scaffold_option: 2 }],
    [
      'fedopt',
      {
        cross_site_evaluation: true,
        server_optimizer: 'sgd',
        server_learning_rate: 1,
        server_momentum: 0,
        server_beta2: 0.99,
        server_tau: 0.001,
      },
    ],
  ] as const)(
    'of %s scores what each site has sent to the model it received',
    async (type, workflowOptions) => {
      const behave: Behaviour = (task, received) => {
        const reply = train(task, received);
        if (reply === 'silent' || 'fails' in reply || !reply.params) return reply;
        const control = encodeSafetensors({ weights: float32([0, 0, 0]) });
        return { ...reply, values: { steps: 1 }, ...(type === 'scaffold' && { files: { control } }) };
      };
      const run = await start({ type, workflowOptions, behave, rules: { numRounds: 1 } });
      expect((await tableOf(run))?.slice(1)).toEqual(NAMES.map((site) => row(site, 1 + stepOf(site))));
    },
  );

  it('asks with the task validate about a site, to which a script answers with metrics alone', async () => {
    const run = await start();
    await run.done;
    const asked = run.channel.tasks.filter(({ name }) => name === 'validate');
    expect(asked.map(({ id }) => id)).toEqual(
      NAMES.flatMap((about) => NAMES.map((site) => `validate/3/${site}/${about}`)),
    );
    expect(asked.every(({ form }) => Object.keys(form.answer).length === 0)).toBe(true);
  });

  it('has no model of a site that did not answer the last round', async () => {
    const run = await start({
      behave: failing((id) => id === 'train/2/site-2'),
      rules: { minClients: 2 },
    });
    const table = await tableOf(run);
    expect(table?.map(({ model }) => model)).toEqual([null, 'site-1', 'site-10']);
  });

  it('leaves a null with its reason where a site fails to score', async () => {
    const behave = failing((id) => id === 'validate/3/site-2/site-1');
    const table = await tableOf(await start({ behave }));
    const [global, first, ...rest] = WHOLE;
    expect(table).toEqual([
      global,
      {
        model: 'site-1',
        scores: { ...first?.scores, 'site-2': { metrics: null, reason: 'NF_SCRIPT_FAILED: no disk' } },
      },
      ...rest,
    ]);
  });

  it('goes on where nobody can score the model of a site, which may have made it so', async () => {
    const behave = failing((id) => /^validate\/.*\/site-1$/.test(id));
    const none = { metrics: null, reason: 'NF_SCRIPT_FAILED: no disk' };
    const [global, , ...rest] = WHOLE;
    for (const rules of [{}, { mandatory: ['site-2'] }, { waitTimeAfterMinReceived: 1 }])
      expect(await tableOf(await start({ behave, rules }))).toEqual([
        global,
        { model: 'site-1', scores: Object.fromEntries(NAMES.map((site) => [site, none])) },
        ...rest,
      ]);
    const whole = failing((id) => /^evaluate\/3\/site-2$/.test(id));
    await expect((await start({ behave: whole })).done).rejects.toThrow('no disk');
  });

  it('changes neither the final model nor the best one', async () => {
    const [plain, scored] = [await start({ workflowOptions: {} }), await start()];
    await Promise.all([plain.done, scored.done]);
    const of = (run: FakeRun) => [
      run.history().position,
      run.history().best,
      run.closed.map((one) => one.metrics),
    ];
    expect(of(scored)).toEqual(of(plain));
  });

  it('leaves none of the models that were made for it', async () => {
    const run = await start();
    await run.done;
    expect(readdirSync(run.folder.at('models')).filter((name) => name.includes('.of-'))).toEqual([]);
  });

  it('shows those who may see the job no file of one site', async () => {
    const run = await start();
    await run.done;
    const events = await Array.fromAsync(readEvents(run.folder));
    const own = events.flatMap((event) => {
      if (event.type === 'result.accepted') return Object.values(event.result.files);
      return event.type === 'model.made' && event.about !== undefined ? [event.made.model] : [];
    });
    const shown = JSON.stringify(events.map(shownEvent));
    expect(own).toHaveLength(9);
    for (const { sha256, path } of own) {
      expect(shown).not.toContain(sha256);
      expect(shown).not.toContain(path);
    }
  });
});

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { personalPath, runFolder } from '../../../../src/runtime/run/run-folder.ts';
import type { RunSummary } from '../../../../src/runtime/run/run-report.ts';
import { readEvents } from '../../../../src/runtime/run/stored-runs.ts';
import { writeJob } from '../../../support/job-folder.ts';
import { readModel } from '../../../support/model-files.ts';
import { OWN_MODEL, OWN_SCRIPT, OWN_SITES } from '../../../support/own-models-job.ts';
import { summaryOf } from '../../../support/simulate-quietly.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

async function jobOf({ workflow = {}, args = {} }: { workflow?: object; args?: object } = {}) {
  return writeJob(join(root, String(count++), 'job'), {
    script: OWN_SCRIPT,
    patch: {
      workflow: { n_clients: 3, num_rounds: 3, key_metric: 'loss', personalize_rounds: 4, ...workflow },
      model: OWN_MODEL,
      executor: { args },
      sites: Object.fromEntries(Object.entries(OWN_SITES).map(([site, own]) => [site, { args: own }])),
    },
  });
}

const run = (job: string, over: { readonly set?: string[]; readonly resume?: string } = {}) =>
  summaryOf(job, { workspace: `${job}-work`, ...over });

type Model = readonly number[];
const FIRST: Model = [1, 2, 0];
const SITES = Object.values(OWN_SITES);
type Site = (typeof SITES)[number];
const goalOf = ({ weights, head }: Site): Model => [weights, weights, head];
/** One round of a site's training. */
const trained = (model: Model, site: Site, part: number): Model =>
  model.map((x, at) => x + ((goalOf(site)[at] ?? 0) - x) * site.pull * part);
const lossOf = (model: Model, site: Site) =>
  model.reduce((sum, x, at) => sum + (x - (goalOf(site)[at] ?? 0)) ** 2, 0);

/** The models of each site, worked out anew, one number after the other. */
function slowly({ rounds = 3, steps = 4, onlyHead = false } = {}) {
  let global = FIRST;
  let alone: Model[] = SITES.map(() => FIRST);
  for (let round = 1; round <= rounds; round++) {
    const part = round / rounds;
    const sent = SITES.map((site) => trained(global, site, part));
    global = global.map((_, at) =>
      sent.reduce((sum, model, site) => sum + ((model[at] ?? 0) * (site + 1)) / 6, 0),
    );
    alone = SITES.map((site, at) => trained(alone[at] ?? [], site, part));
  }
  const personal = SITES.map((site) => {
    let model = global;
    for (let step = 1; step <= steps; step++) model = trained(model, site, step / steps);
    return onlyHead ? [...global.slice(0, 2), model[2] ?? 0] : model;
  });
  return { global, personal, alone };
}

async function expectModels(summary: RunSummary, wanted: ReturnType<typeof slowly>): Promise<void> {
  const { own_models: table = [] } = summary;
  expect(table.map(({ site }) => site)).toEqual(['site-1', 'site-2', 'site-3']);
  for (const [index, { site, chosen, scores }] of table.entries()) {
    const [personal = [], alone = []] = [wanted.personal[index], wanted.alone[index]];
    const models = { global: wanted.global, personal, alone };
    const loss = (model: Model) => lossOf(model, SITES.at(index) ?? OWN_SITES['site-1']);
    for (const [name, model] of Object.entries(models))
      expect(scores[name as keyof typeof models]?.metrics?.loss, `${name} of ${site}`).toBeCloseTo(
        loss(model),
        9,
      );
    const [best] = Object.entries(models).sort(([, a], [, b]) => loss(a) - loss(b));
    expect(chosen).toBe(best?.[0]);
    const { weights, head } = await readModel(join(summary.run_folder, personalPath(site)));
    const found = [...(weights?.data ?? []), ...(head?.data ?? [])];
    for (const [at, value] of found.entries()) expect(value).toBeCloseTo(best?.[1][at] ?? -1, 9);
  }
}

describe('a simulation whose sites end with models of their own', () => {
  let job: string;
  let summary: RunSummary;

  beforeAll(async () => {
    job = await jobOf();
    summary = await run(job);
  });

  it('gives each the best of three that a slow computation comes to', async () => {
    await expectModels(summary, slowly());
    expect(summary.own_models?.map(({ chosen }) => chosen)).toEqual(['personal', 'global', 'alone']);
  });

  it('has the global model of a job without them, and sends none of them', async () => {
    const plain = await run(await jobOf({ workflow: { personalize_rounds: 0 } }));
    expect(await readModel(summary.final?.file ?? '')).toEqual(await readModel(plain.final?.file ?? ''));
    expect(plain.own_models).toBeUndefined();
    const events = await Array.fromAsync(readEvents(runFolder(summary.run_folder)));
    const sent = events.flatMap((event) => (event.type === 'result.accepted' ? [event] : []));
    for (const { task, result } of sent)
      expect(Object.keys(result.files), task).toEqual(task.startsWith('train/') ? ['model'] : []);
    // One that scripts have trained lies in what the site keeps, and where people look for it.
    const names = readdirSync(join(summary.run_folder, 'sites', 'site-1'));
    expect(names.filter((name) => name.startsWith('update'))).toEqual([]);
  });

  it('keeps what scripts keep from task to task', () => {
    // Three rounds of two models, then four for the personal one.
    for (const { scores } of summary.own_models ?? []) {
      expect(scores.global?.metrics?.tasks).toBe(6);
      expect(scores.personal?.metrics?.tasks).toBe(10);
    }
  });

  it('trains those arrays alone that the job names, also of differences', async () => {
    const other = await jobOf({ workflow: { personalize_tensors: ['head'] }, args: { type: 'DIFF' } });
    await expectModels(await run(other), slowly({ onlyHead: true }));
  });

  it('goes on where sites fail at them', async () => {
    const other = await jobOf({ args: { fails: ['score_alone', 'personalize'] } });
    const { own_models: table = [], status, failures } = await run(other);
    expect([status, failures.length]).toEqual(['finished', 6]);
    for (const { scores, chosen } of table) {
      expect(chosen).toBe('global');
      expect(scores.personal).toBeUndefined();
      expect(scores.alone).toMatchObject({ metrics: null, reason: expect.stringMatching(/it fails/) });
    }
  });

  it('trains none alone where the job does not want it; with more rounds they are made anew', async () => {
    const workflow = { train_alone: false };
    const other = await jobOf({ workflow });
    await run(other);
    const { own_models: longer } = await run(other, { resume: 'latest', set: ['num_rounds=4'] });
    expect(longer?.map(({ scores }) => Object.keys(scores))).toEqual(Array(3).fill(['global', 'personal']));
    for (const { scores } of longer ?? []) expect(scores.personal?.metrics?.tasks).toBe(4 + 4);
  });
});

describe('a job of models of the sites', () => {
  it.each([
    [
      { personalize_tensors: ['tail*'] },
      'NF_JOB_PERSONAL_TENSORS',
      /no array has a name like tail\*; there are/,
    ],
    [{ local_tensors: ['head'] }, 'NF_JOB_INVALID', /cannot be used with local_tensors/],
    [{ personalize_rounds: 0, train_alone: true }, 'NF_JOB_INVALID', /with personalize_rounds alone/],
  ])('is refused with %j', async (workflow, code, message) => {
    await expect(run(await jobOf({ workflow }))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
      place: { line: expect.any(Number) },
    });
  });
});

import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { personalPath } from '../../../../src/runtime/run/run-folder.ts';
import type { RunSummary } from '../../../../src/runtime/run/run-report.ts';
import { writeJob } from '../../../support/job-folder.ts';
import { readModel } from '../../../support/model-files.ts';
import { OWN_SCRIPT } from '../../../support/own-models-job.ts';
import { summaryOf } from '../../../support/simulate-quietly.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
/** Two groups, whose sites are first dealt to the wrong models: one to each. */
const GOALS = [10, 9, -10, -11];
const ROUNDS = 4;
const PULL = 0.25;

async function jobOf(name: string, script: string, workflow: object = {}) {
  const args = GOALS.map((goal, at) => [`site-${at + 1}`, { args: { weights: goal, head: 0, pull: PULL } }]);
  return writeJob(join(root, name), {
    script,
    patch: {
      workflow: { type: 'ifca', n_clients: 4, num_rounds: ROUNDS, key_metric: 'loss', ...workflow },
      model: { initial_params: { weights: { dtype: 'float64', data: [1] } } },
      sites: Object.fromEntries(args),
    },
  });
}

/** Algorithm 1 of the paper, one number after the other; site n has n examples. */
function slowly(clusters: number) {
  let models = Array.from({ length: clusters }, () => 1);
  const lossOf = (model: number, site: number) => (model - (GOALS[site] ?? 0)) ** 2;
  const choose = (site: number) => {
    const losses = models.map((model) => lossOf(model, site));
    return losses.indexOf(Math.min(...losses));
  };
  let chosen = GOALS.map((_, site) => site % clusters);
  for (let round = 1; round <= ROUNDS; round++) {
    if (round > 1) chosen = GOALS.map((_, site) => choose(site));
    models = models.map((model, cluster) => {
      const own = [...GOALS.keys()].filter((site) => chosen[site] === cluster);
      const examples = own.reduce((sum, site) => sum + site + 1, 0);
      const moved = (site: number) => model + ((GOALS[site] ?? 0) - model) * PULL * (round / ROUNDS);
      return own.length === 0
        ? model
        : own.reduce((sum, site) => sum + (site + 1) * moved(site), 0) / examples;
    });
  }
  return { models, last: GOALS.map((_, site) => choose(site)) };
}

const numberIn = async (path: string) => Number((await readModel(path)).weights?.data[0]);

describe('a simulation of IFCA', () => {
  let summary: RunSummary;
  const wanted = slowly(2);

  beforeAll(async () => {
    summary = await summaryOf(await jobOf('two', OWN_SCRIPT), { workspace: join(root, 'work') });
  });

  it('comes to the models of a slow computation, and each site ends with the one that it chose', async () => {
    expect(wanted.last).toEqual([1, 1, 0, 0]);
    expect(await numberIn(summary.final?.file ?? '')).toBeCloseTo(wanted.models[0] ?? 0, 10);
    for (const [at, cluster] of wanted.last.entries()) {
      const own = await numberIn(join(summary.run_folder, personalPath(`site-${at + 1}`)));
      expect(own).toBeCloseTo(wanted.models[cluster] ?? Number.NaN, 10);
    }
  });

  it('says who trained which model, and has the figures of each site with its own', () => {
    expect(summary.warnings.join()).toContain('cluster-2 was trained by site-1, site-2');
    const last = summary.models.at(-1);
    for (const [at, goal] of GOALS.entries()) {
      const model = wanted.models[wanted.last[at] ?? 0] ?? 0;
      expect(last?.sites[`site-${at + 1}`]).toBeCloseTo((model - goal) ** 2, 8);
    }
  });

  it('leaves a model that no site trains as it is', async () => {
    const job = await jobOf('four', OWN_SCRIPT, { clusters: 4 });
    const { models } = slowly(4);
    const { final, status } = await summaryOf(job, { workspace: join(root, 'work-four') });
    expect(status).toBe('finished');
    expect(await numberIn(final?.file ?? '')).toBeCloseTo(models[0] ?? 0, 10);
  });

  it('ends where scripts tell no loss to choose by', async () => {
    const script = OWN_SCRIPT.replace('{ loss, tasks', '{ error: loss, tasks');
    const job = await jobOf('without', script, { key_metric: 'error' });
    await expect(summaryOf(job, { workspace: join(root, 'work') })).rejects.toMatchObject({
      code: 'NF_KEY_METRIC_MISSING',
      message: expect.stringContaining('loss'),
    });
  });

  it('is refused with fewer sites than there are models', async () => {
    const job = await jobOf('few', OWN_SCRIPT, { clusters: 5 });
    await expect(summaryOf(job, { workspace: join(root, 'work') })).rejects.toMatchObject({
      code: 'NF_JOB_TOO_FEW_SITES',
    });
  });
});

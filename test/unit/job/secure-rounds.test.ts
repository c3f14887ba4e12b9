import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { prepareJob } from '../../../src/runtime/federation/prepare-job.ts';
import { loadSubmittedJob } from '../../../src/runtime/federation/submitted-job.ts';
import { compatibleWith, maskedRound } from '../../../src/runtime/job/secure-rounds.ts';
import { type JobPatch, writeJob } from '../../support/job-folder.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

function jobOf(workflow: JobPatch, secure: JobPatch | null = {}, more: JobPatch = {}): Promise<string> {
  count += 1;
  const patch = {
    workflow: { n_clients: 4, ...workflow },
    ...(secure && { secure_aggregation: secure }),
    ...more,
  };
  return writeJob(join(root, String(count)), { patch });
}

describe('a job with secure aggregation', () => {
  it.each([
    [{}, {}, { sites: 4, threshold: 3, drop_outs: 1, colluding: 1 }],
    [{ n_clients: 10 }, {}, { sites: 10, threshold: 7, drop_outs: 3, colluding: 3 }],
    [{ n_clients: 10 }, { threshold: 6 }, { sites: 10, threshold: 6, drop_outs: 4, colluding: 1 }],
    [
      { n_clients: 10, clients_per_round: 6, over_selection: 1.3 },
      {},
      { sites: 8, threshold: 6, drop_outs: 2, colluding: 3 },
    ],
    [{ type: 'scaffold' }, {}, { sites: 4, threshold: 3, drop_outs: 1, colluding: 1 }],
  ])('of %j says how many of %j sites do what', async (workflow, secure, round) => {
    const { plan } = await prepareJob(await jobOf(workflow, secure));
    expect(maskedRound(plan)).toEqual(round);
    expect(compatibleWith(plan.job).every(({ goes }) => goes)).toBe(true);
  });

  it.each([
    ['two sites', { n_clients: 2 }, {}, 'NF_SECAGG_SITES', 'a round asks 2 sites, and 3 must be in a sum'],
    [
      'two sites of a round',
      { n_clients: 9, clients_per_round: 2 },
      {},
      'NF_SECAGG_SITES',
      'a round asks 2 sites',
    ],
    ['sums of two', {}, { min_sites: 2 }, 'NF_SECAGG_SITES', 'of two sites each learns'],
    ['fewer sites than a sum has', {}, { min_sites: 5 }, 'NF_SECAGG_SITES', 'a round asks 4 sites, and 5'],
    ['33 sites', { n_clients: 33 }, {}, 'NF_SECAGG_SITES', 'a round asks 33 sites'],
    ['half of the sites', {}, { threshold: 2 }, 'NF_SECAGG_THRESHOLD', 'must be from 3 to 4'],
    ['more than there are', {}, { threshold: 5 }, 'NF_SECAGG_THRESHOLD', 'must be from 3 to 4'],
    [
      'rounds that close before',
      { min_clients: 2 },
      {},
      'NF_SECAGG_TOO_FEW',
      'close with 2 answers, and it takes 3',
    ],
    ['a median', { aggregator: 'median' }, {}, 'NF_SECAGG_NEEDS_EACH', 'workflow.aggregator (median)'],
    ['fednova', { type: 'fednova' }, {}, 'NF_SECAGG_NEEDS_EACH', 'workflow.type (fednova)'],
    ['fedbuff', { type: 'fedbuff' }, {}, 'NF_SECAGG_NEEDS_EACH', 'workflow.type (fedbuff)'],
    [
      'cross-site evaluation',
      { cross_site_evaluation: true },
      {},
      'NF_SECAGG_NEEDS_EACH',
      'workflow.cross_site_evaluation',
    ],
    ['personal models', { personalize_rounds: 1 }, {}, 'NF_SECAGG_NEEDS_EACH', 'workflow.personalize_rounds'],
  ] as const)('is refused with %s', async (_, workflow, secure, code, says) => {
    await expect(prepareJob(await jobOf(workflow, secure))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(says),
      place: { key: expect.any(String), file: expect.stringContaining('job.yaml') },
    });
  });

  it('is refused with updates that are packed', async () => {
    const job = await jobOf({}, {}, { task_result_filters: [{ name: 'int8' }] });
    await expect(prepareJob(job)).rejects.toMatchObject({
      code: 'NF_SECAGG_NEEDS_EACH',
      place: { key: 'task_result_filters.0' },
    });
  });

  const rules = { modelComesApart: false, mostModelBytes: 1e6 };

  it('is a job of a server, too', async () => {
    await expect(loadSubmittedJob(await jobOf({}), rules)).resolves.toBeDefined();
    await expect(loadSubmittedJob(await jobOf({ n_clients: undefined }), rules)).resolves.toBeDefined();
  });

  it.each([
    ['what needs each update', { aggregator: 'median' }, {}, 'NF_SECAGG_NEEDS_EACH', 'workflow.aggregator'],
    ['too few sites', { n_clients: 2 }, {}, 'NF_SECAGG_SITES', 'secure_aggregation.min_sites'],
    ['a sum of two', {}, { min_sites: 2 }, 'NF_SECAGG_SITES', 'secure_aggregation.min_sites'],
    ['too few answers', { min_clients: 2 }, {}, 'NF_SECAGG_TOO_FEW', 'workflow.min_clients'],
  ] as const)('is refused by a server with %s, at its line', async (_, workflow, secure, code, key) => {
    await expect(loadSubmittedJob(await jobOf(workflow, secure), rules)).rejects.toMatchObject({
      code,
      place: { key, line: expect.any(Number) },
    });
  });
});

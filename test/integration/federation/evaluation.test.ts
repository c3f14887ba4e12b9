import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { submitEvaluation } from '../../../src/runtime/deployment/admin/evaluate-job.ts';
import { clientFolder } from '../../../src/runtime/deployment/client/memory/client-folder.ts';
import { judgeByTold } from '../../../src/runtime/evaluation/federated/evaluate-federated.ts';
import type { FederatedEvaluation } from '../../../src/runtime/run/federated-evaluation.ts';
import { readChainedLog } from '../../../src/runtime/security/logs/chained-log.ts';
import { LiveFederation, makeLiveKits } from '../../support/live-federation.ts';
import { simulateQuietly } from '../../support/simulate-quietly.ts';
import { makeSpotJob } from '../../support/spot-job.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const cwd = tempFolder();
const SITES = ['site-1', 'site-2'];
let federation: LiveFederation;
/** Of the job that trains, over the network. */
let trained = '';
/** What its sites told there. */
let told: FederatedEvaluation;

beforeAll(async () => {
  await makeSpotJob(cwd);
  federation = new LiveFederation(await makeLiveKits(join(cwd, 'kits'), { clients: SITES.length }));
  await federation.startServer();
  for (const site of SITES) await federation.startClient(site, { data: join(cwd, 'site-data', site) });
  await federation.connected(SITES.length);
  const meta = await federation.run(join(cwd, 'job'));
  expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', first_failure: null });
  trained = meta.job_id;
  told = await toldIn(await federation.download(trained, join(cwd, trained)));
}, 180_000);
afterAll(() => federation.close());

const toldIn = async (folder: string): Promise<FederatedEvaluation> =>
  JSON.parse(await readFile(join(folder, 'federated_evaluation.json'), 'utf8'));

/** Has the sites judge the model of the job, and brings what they told. */
async function judged(): Promise<{ readonly folder: string; readonly found: FederatedEvaluation }> {
  const { jobId } = await submitEvaluation(await federation.admin(), trained, {
    which: 'final',
    onOriginal: () => undefined,
    signal: new AbortController().signal,
  });
  const meta = await federation.wait(jobId);
  expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', name: 'job-evaluation' });
  const folder = await federation.download(jobId, join(cwd, jobId));
  return { folder, found: await toldIn(folder) };
}

describe('the last model of a job', () => {
  it('is judged by its sites over the network as in a simulation', async () => {
    const folder = await simulateQuietly(join(cwd, 'job'), { workspace: join(cwd, 'work') });
    expect(told).toEqual(await toldIn(folder));
    expect(told.left_out).toEqual([]);
    expect(told.sites.map(({ site, sums }) => [site, sums.people, sums.withheld])).toEqual([
      ['site-1', 24, []],
      ['site-2', 24, []],
    ]);
  });

  it('is told of in sums that stand in the ledger of the site by name', async () => {
    const { egress } = clientFolder(join(federation.kits.kit('site-1'), 'work'));
    const sent = await Array.fromAsync(readChainedLog(egress));
    const ofTasks = sent.filter(({ what }) => what === 'evaluation').map(({ task }) => task);
    expect(ofTasks).toEqual(['evaluate.temperature/2/site-1/global', 'evaluate.test/2/site-1/global']);
  });
});

describe('a finished job', () => {
  it('is judged by a job of its own to the same sums, which make an evaluation', async () => {
    const { folder, found } = await judged();
    expect(found).toEqual(told);
    const { evaluation } = await judgeByTold(folder);
    expect(evaluation).toMatchObject({
      classes: ['bright', 'dark'],
      data: { subjects: 48, sites: SITES, root: null },
      federated: { left_out: [], withheld: [] },
    });
    expect(evaluation.controls?.map(({ name }) => name)).toContain('forest');
  });

  it('is judged without a site that may not tell of so few people', async () => {
    await federation.kits.changeFile('site-1', 'local/site-policy.yml', {
      'least_people: 10': 'least_people: 13',
    });
    const { found } = await judged();
    expect(found.sites.map(({ site }) => site)).toEqual(['site-2']);
    expect(found.left_out).toEqual([
      { site: 'site-1', reason: expect.stringContaining('NF_EVALUATION_FEW') },
    ]);
    expect(found.sites[0]?.sums.right).toEqual(told.sites[1]?.sums.right);
    await federation.kits.changeFile('site-1', 'local/site-policy.yml', {
      'least_people: 13': 'least_people: 10',
    });
  });
});

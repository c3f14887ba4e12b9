import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CROSS_SITE_MODEL, CROSS_SITE_SCRIPT } from '../../support/cross-site-job.ts';
import { writeJob } from '../../support/job-folder.ts';
import { LiveFederation, until } from '../../support/live-federation.ts';
import { simulateQuietly } from '../../support/simulate-quietly.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;
let job: string;
const clients = ['site-1', 'site-2'];
const POLICY = 'local/site-policy.yml';
const [ON, OFF] = ['cross_site_evaluation: true', 'cross_site_evaluation: false'];

beforeAll(async () => {
  federation = await LiveFederation.start(join(root, 'kits'), { clients: 2 });
  for (const site of clients) await federation.kits.changeFile(site, POLICY, { [OFF]: ON });
  job = await writeJob(join(root, 'job'), {
    script: CROSS_SITE_SCRIPT,
    patch: {
      workflow: { n_clients: 2, num_rounds: 2, key_metric: 'loss', cross_site_evaluation: true },
      model: CROSS_SITE_MODEL,
    },
  });
});
afterAll(() => federation.close());

const tableIn = async (folder: string) =>
  JSON.parse(await readFile(join(folder, 'cross_site_evaluation.json'), 'utf8'));

describe('cross-site evaluation over the network', () => {
  it('comes to the table of the simulation, which the download brings', async () => {
    const meta = await federation.run(job, { clients });
    expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', round: 2, first_failure: null });
    const table = await tableIn(await federation.download(meta.job_id, join(root, 'result')));
    expect(table.map(({ model }: { model: string | null }) => model)).toEqual([null, 'site-1', 'site-2']);
    expect(table).toEqual(await tableIn(await simulateQuietly(job, { workspace: join(root, 'work') })));
  });

  it('is refused by a site whose policy does not let its model go to others', async () => {
    await federation.kits.changeFile('site-2', POLICY, { [ON]: OFF });
    const admin = await federation.admin();
    const id = await federation.submit(job, { clients });
    await until(async () => (await admin.job(id)).sites[1]?.answer === 'refused');
    expect((await admin.job(id)).sites[1]).toMatchObject({ reason: { code: 'NF_SITE_CROSS_SITE' } });
    await federation.end(id);
    await federation.kits.changeFile('site-2', POLICY, { [OFF]: ON });
  });

  it('is submitted for certain sites alone: to these the models go', async () => {
    await expect(federation.submit(job)).rejects.toMatchObject({
      code: 'NF_JOB_RECIPIENTS',
      place: { key: 'workflow.cross_site_evaluation' },
    });
    expect(await (await federation.admin()).jobs({})).toHaveLength(2);
  });
});

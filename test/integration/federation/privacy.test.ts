import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportLedger, verifyPrivacy } from '../../../src/runtime/deployment/client/budget/ledger-report.ts';
import { folderOf } from '../../../src/runtime/deployment/client/site-desk.ts';
import { readChainedLog } from '../../../src/runtime/security/logs/chained-log.ts';
import { LiveFederation, makeLiveKits, until } from '../../support/live-federation.ts';
import { runCli } from '../../support/one-process.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const cwd = tempFolder();
const SITES = ['site-1', 'site-2', 'site-3'];
const BUDGET = 'privacy: { require: false, epsilon: 10, delta: 1.0e-4 }';
let federation: LiveFederation;
/** What a simulation of the job promises, and what is worked out beforehand. */
let promised: { readonly epsilon: number; readonly steps: number; readonly noise: number };
let planned: { readonly epsilon_rdp: number };

const json = async (line: string) => {
  const { stdout } = await runCli([...line.split(' '), '--json'], { cwd });
  return JSON.parse(stdout).data;
};
const policy = (site: string, before: string, after: string) =>
  federation.kits.changeFile(site, 'local/site-policy.yml', { [before]: after });
const place = (site: string) => {
  const kitDir = federation.kits.kit(site);
  return { kitDir, folder: folderOf({ kitDir }) };
};
const start = async (site: string) => federation.startClient(site, { data: join(cwd, 'site-data', site) });
const allowing = (epsilon: number) => `privacy: { require: false, epsilon: ${epsilon}, delta: 1.0e-2 }`;

beforeAll(async () => {
  const create = (name: string) =>
    `job create ${name} --template mri-dp-fedavg --set data=./bids --set split=./split.json --set num_rounds=1 --set image_size=32 --set delta=0.01 --set steps_per_round=2 --set sampling_rate=0.5`;
  for (const line of [
    'preprocess phantom bids --sites 3 --per-class 5 --size 32',
    'preprocess split bids --sites 3 --out split.json',
    'preprocess split bids --split split.json --materialize site-data',
    create('job'),
    `${create('masked')} --set secure_aggregation={}`,
  ])
    expect([line, await runCli(line.split(' '), { cwd })]).toMatchObject([line, { code: 0 }]);
  promised = (await json('simulate job -q')).privacy;
  planned = await json('privacy plan job');
  federation = new LiveFederation(await makeLiveKits(join(cwd, 'kits'), { clients: SITES.length }));
  await federation.startServer();
  for (const site of SITES) {
    await policy(site, BUDGET, allowing(20));
    await start(site);
  }
  await federation.connected(SITES.length);
}, 180_000);
afterAll(() => federation.close());

describe('a private job over the network', () => {
  it('promises what its simulation does, and each site counts it', async () => {
    const meta = await federation.run(join(cwd, 'job'));
    expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', first_failure: null });
    const folder = await federation.download(meta.job_id, join(cwd, meta.job_id));
    const card = JSON.parse(await readFile(join(folder, 'metrics.json'), 'utf8'));
    expect(card.privacy).toEqual(promised);
    for (const site of SITES) {
      const { spent, jobs } = await reportLedger(place(site));
      expect(jobs).toMatchObject([
        { job: meta.job_id, name: 'job', steps: promised.steps, charged: 1, open: 0, given_back: 0 },
      ]);
      expect(spent).toBeCloseTo(planned.epsilon_rdp, 6);
      expect(await verifyPrivacy(place(site))).toMatchObject({ answers: 1, findings: [] });
    }
  });

  it('sends its updates with masks on them where it asks for that, each charged when its training was', async () => {
    const meta = await federation.run(join(cwd, 'masked'));
    expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', first_failure: null });
    for (const site of SITES) {
      const { folder } = place(site);
      const lines = await Array.fromAsync(readChainedLog(folder.egress));
      const own = lines.filter(({ job }) => job === meta.job_id).map(({ what }) => what);
      expect([own.includes('masked update'), own.includes('update')]).toEqual([true, false]);
      const { jobs } = await reportLedger(place(site), { job: meta.job_id });
      expect(jobs).toMatchObject([{ steps: promised.steps, charged: 1, open: 0, given_back: 0 }]);
      expect(await verifyPrivacy(place(site))).toMatchObject({ answers: 2, findings: [] });
    }
  });

  it('is refused where the budget does not bear it or the ledger is gone, and ends with that where it needs the site', async () => {
    await policy('site-2', allowing(20), allowing(planned.epsilon_rdp + 0.5));
    await federation.stop('site-3');
    const ledger = join(federation.kits.kit('site-3'), 'local/privacy.jsonl');
    await rm(ledger);
    await rm(`${ledger}.head`);
    await start('site-3');
    await federation.connected(3);
    expect(federation.said('site-3').join('\n')).toContain('NF_PRIVACY_LEDGER_GONE');
    const id = await federation.submit(join(cwd, 'job'), { clients: SITES });
    expect((await federation.wait(id)).status).not.toBe('FINISHED:COMPLETED');
    const admin = await federation.admin();
    await until(async () => (await admin.job(id)).sites.some(({ answer }) => answer === 'refused'));
    const codes = (await admin.job(id)).sites.map(({ reason }) => reason?.code);
    expect(codes.filter((code) => code?.startsWith('NF_PRIVACY'))).not.toEqual([]);
    const { stdout, code } = await runCli(['privacy', 'verify', federation.kits.kit('site-3')], { cwd });
    expect([code, stdout]).toEqual([1, expect.stringContaining('NF_PRIVACY_LEDGER_GONE')]);
  });

  it('is shown at the site: what was spent by which job, and what is left', async () => {
    const { stdout, code } = await runCli(['privacy', 'ledger', federation.kits.kit('site-1')], { cwd });
    expect(code).toBe(0);
    expect(stdout).toMatch(/Each person at site-1 has lost epsilon \d+\.\d\d of 20 at delta 0\.01/);
    expect(stdout).toContain('job');
  });
});

import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { reportLedger, verifyPrivacy } from '../../src/runtime/deployment/client/budget/ledger-report.ts';
import { folderOf } from '../../src/runtime/deployment/client/site-desk.ts';
import { runCli } from '../support/cli.ts';
import { LIMITS } from '../support/limits.ts';
import { LiveFederation, makeLiveKits, until } from '../support/live-federation.ts';
import { ProcessFederation } from '../support/process-federation.ts';
import { tempFolder } from '../support/temp-folder.ts';

const DEFAULT = 'epsilon: 10, delta: 1.0e-4';

/** Between any two arrows of a task's way, in the order in which they come. */
const POINTS = [
  'privacy:reserve',
  'privacy:void',
  'client:computed',
  'client:outbox',
  'privacy:charge',
  'client:uploaded',
  'client:acknowledged',
];

const place = (kitDir: string) => ({ kitDir, folder: folderOf({ kitDir }) });

describe('a private job whose site is killed', () => {
  const cwd = tempFolder();
  let federation: ProcessFederation;
  afterAll(() => federation?.close());

  it('at each point between reserve, compute, charge and send pays for each answer once', async () => {
    for (const line of [
      'preprocess phantom bids --sites 2 --per-class 4 --size 32',
      'preprocess split bids --sites 2 --out split.json',
      'preprocess split bids --split split.json --materialize site-data',
      `job create job --template mri-dp-fedavg --set data=./bids --set split=./split.json --set num_rounds=${POINTS.length} --set image_size=32 --set delta=0.01 --set steps_per_round=1 --set sampling_rate=0.5`,
    ])
      expect([line, await runCli(line.split(' '), { cwd })]).toMatchObject([line, { code: 0 }]);
    federation = await ProcessFederation.make(join(cwd, 'kits'));
    const { kits } = federation;
    const withData = (site: string) => ({ flags: ['--data', join(cwd, 'site-data', site)] });
    for (const site of ['site-1', 'site-2'])
      await kits.changeFile(site, 'local/site-policy.yml', { [DEFAULT]: 'epsilon: 50, delta: 1.0e-2' });
    federation.start('hub');
    federation.start('site-2', withData('site-2'));
    await federation.answers();
    let id: string | undefined;
    for (const point of POINTS) {
      federation.start('site-1', { ...withData('site-1'), env: { NEUROFLARE_FAULT: point } });
      if (id === undefined) await federation.connected(2);
      id ??= await federation.submit(join(cwd, 'job'));
      expect([point, await federation.ended('site-1', LIMITS.job)]).toMatchObject([
        point,
        { signal: 'SIGKILL' },
      ]);
    }
    federation.start('site-1', withData('site-1'));
    expect(await federation.wait(id ?? '', LIMITS.longJob)).toMatchObject({
      status: 'FINISHED:COMPLETED',
      first_failure: null,
    });
    for (const site of ['site-1', 'site-2']) {
      expect(await verifyPrivacy(place(kits.kit(site)))).toMatchObject({
        answers: POINTS.length,
        findings: [],
      });
      const { jobs } = await reportLedger(place(kits.kit(site)));
      const wanted = { charged: POINTS.length, open: 0, given_back: site === 'site-1' ? 2 : 0 };
      expect([site, jobs]).toMatchObject([site, [wanted]]);
    }
  });
});

describe('a private job whose site lowers its budget', () => {
  const cwd = tempFolder();
  const SITES = ['site-1', 'site-2', 'site-3'];
  const allowing = (epsilon: number) => `epsilon: ${epsilon}, delta: 1.0e-2`;
  let federation: LiveFederation;
  afterAll(() => federation?.close());

  it('ends there by name, and goes on with the others', async () => {
    for (const line of [
      'preprocess phantom bids --sites 3 --per-class 5 --size 32',
      'preprocess split bids --sites 3 --out split.json',
      'preprocess split bids --split split.json --materialize site-data',
      'job create long --template mri-dp-fedavg --set name=long --set data=./bids --set split=./split.json --set num_rounds=200 --set image_size=32 --set delta=0.01 --set steps_per_round=1 --set sampling_rate=0.5 --set workflow.min_clients=2',
    ])
      expect([line, await runCli(line.split(' '), { cwd })]).toMatchObject([line, { code: 0 }]);
    federation = new LiveFederation(await makeLiveKits(join(cwd, 'kits'), { clients: SITES.length }));
    const policy = (site: string, before: string, after: string) =>
      federation.kits.changeFile(site, 'local/site-policy.yml', { [before]: after });
    await federation.startServer();
    for (const site of SITES) {
      await policy(site, DEFAULT, allowing(100));
      await federation.startClient(site, { data: join(cwd, 'site-data', site) });
    }
    await federation.connected(SITES.length);
    const admin = await federation.admin();
    const id = await federation.submit(join(cwd, 'long'));
    const roundOf = async () => (await admin.job(id)).round ?? 0;
    const thirdOf = async () => (await admin.job(id)).sites[2];
    await until(async () => (await roundOf()) >= 2, LIMITS.job);
    await policy('site-3', allowing(100), allowing(1));
    await until(async () => (await thirdOf())?.answer === 'refused', LIMITS.job);
    expect((await thirdOf())?.reason).toMatchObject({ code: 'NF_PRIVACY_LOWERED' });
    const round = await roundOf();
    await until(async () => (await roundOf()) > round + 1, LIMITS.job);
    await federation.end(id);
    for (const site of SITES) {
      expect(await verifyPrivacy(place(federation.kits.kit(site)))).toMatchObject({ findings: [] });
      await until(async () =>
        (await reportLedger(place(federation.kits.kit(site)))).jobs.every(({ open }) => open === 0),
      );
    }
  });
});

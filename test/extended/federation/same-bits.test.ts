import { glob, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientFolder } from '../../../src/runtime/deployment/client/memory/client-folder.ts';
import { simulate } from '../../../src/runtime/deployment/simulator/simulate.ts';
import { readChainedLog } from '../../../src/runtime/security/logs/chained-log.ts';
import { runCli } from '../../support/cli.ts';
import { TINY_JOB, TINY_SCRIPT, writeJob } from '../../support/job-folder.ts';
import { LiveFederation } from '../../support/live-federation.ts';
import { LOCAL_MODEL, LOCAL_SCRIPT } from '../../support/local-tensors-job.ts';
import { RULED_MODEL, RULED_SCRIPT } from '../../support/ruled-script.ts';
import { finalModel } from '../../support/run-files.ts';
import { SCAFFOLD_SCRIPT } from '../../support/scaffold-script.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;

beforeAll(async () => {
  federation = await LiveFederation.start(join(root, 'kits'), { clients: 3 });
});
afterAll(() => federation.close());

const asSimulated = async (
  jobPath: string,
  sites: number,
  choice: 'cpu' | 'ort' = 'cpu',
): Promise<Buffer> => {
  const { run_folder: run } = await simulate({
    job: jobPath,
    workspace: `${jobPath}-work`,
    flags: { clients: sites },
    overrides: [],
    maxClients: 10,
    engine: { choice, gpu: undefined, requireGpu: false },
    observe: () => undefined,
    onLog: () => undefined,
    signal: new AbortController().signal,
  });
  return finalModel(run);
};

/** Answers come in another order in every round. */
const SHUFFLED = TINY_SCRIPT.replace(
  'const { params }',
  `await new Promise((resolve) => setTimeout(resolve, flare.seed() % 150));
  const { params }`,
);
const DIFFERENCES = TINY_SCRIPT.replace(
  'params: { weights: { dtype, shape, data: trained } }',
  `paramsType: 'DIFF', params: { weights: { dtype, shape, data: trained.map((x, index) => x - data[index]) } }`,
);
/** One site has no figure to give. */
const WITHOUT_FIGURE = TINY_SCRIPT.replace(
  'accuracy:',
  "loss: -Infinity, accuracy: flare.siteName() === 'site-2' ? Number.NaN :",
);
/** What a site keeps decides its next update. */
const REMEMBERING = TINY_SCRIPT.replace(
  'const noise =',
  `const kept = flare.loadState() ?? 1;
  flare.saveState(kept * 1.5);
  const noise = kept *`,
);

let count = 0;

describe('the same job', () => {
  it.each([
    ['one site', TINY_SCRIPT, 1],
    ['two sites', TINY_SCRIPT, 2],
    ['three sites', TINY_SCRIPT, 3],
    ['three sites that answer in any order', SHUFFLED, 3],
    ['two sites that send differences', DIFFERENCES, 2],
    ['three sites that remember', REMEMBERING, 3],
    ['two sites whose figures are none', WITHOUT_FIGURE, 2],
  ])('with %s comes to the same bytes over the network as in a simulation', async (what, script, sites) => {
    const job = await writeJob(join(root, what.replaceAll(' ', '-')), {
      script,
      patch: { workflow: { n_clients: sites, num_rounds: 3 } },
    });
    const meta = await federation.run(job);
    expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', round: 3, first_failure: null });
    expect(await federation.model(meta.job_id)).toEqual(await asSimulated(job, sites));
  });

  it.each([
    ['fedopt', { server_optimizer: 'yogi', server_learning_rate: 0.5 }],
    ['cyclic', {}],
    ['fedavg', { local_tensors: ['bn/*'] }, LOCAL_SCRIPT, LOCAL_MODEL],
    ['scaffold', { scaffold_option: 1 }, SCAFFOLD_SCRIPT],
    ['feddyn', { key_metric: 'loss' }, RULED_SCRIPT, RULED_MODEL],
    ['ditto', { key_metric: 'loss' }, RULED_SCRIPT, RULED_MODEL],
    ['ifca', { key_metric: 'loss' }, RULED_SCRIPT, RULED_MODEL],
    ['scaffold', { scaffold_option: 2, clients_per_round: 1 }, SCAFFOLD_SCRIPT],
  ])(
    'of the workflow %s comes to the same bytes over the network as in a simulation',
    async (type, options, script = TINY_SCRIPT, model: object = TINY_JOB.model) => {
      const job = await writeJob(join(root, `${type}-${count++}`), {
        script,
        patch: { workflow: { type, n_clients: 2, num_rounds: 3, ...options }, model },
      });
      const meta = await federation.run(job);
      expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', round: 3, first_failure: null });
      expect(await federation.model(meta.job_id)).toEqual(await asSimulated(job, 2));
    },
  );

  it('of the asynchronous workflow goes on to its end over the network, at all its sites', async () => {
    const workflow = { type: 'fedbuff', n_clients: 2, num_rounds: 4, buffer_size: 1 };
    const job = await writeJob(join(root, 'fedbuff'), { patch: { workflow } });
    const meta = await federation.run(job);
    expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', round: 4, first_failure: null });
    const rounds = meta.sites.map((site) => site.rounds ?? 0);
    expect(rounds.reduce((sum, count) => sum + count, 0)).toBe(4);
  });

  it('comes to the same bytes with several of them at once', async () => {
    const job = await writeJob(join(root, 'many'), { patch: { workflow: { n_clients: 3 } } });
    const ids = await Promise.all([federation.submit(job), federation.submit(job), federation.submit(job)]);
    const metas = await Promise.all(ids.map((id) => federation.wait(id)));
    expect(metas.map(({ status }) => status)).toEqual(Array(3).fill('FINISHED:COMPLETED'));
    const wanted = await asSimulated(job, 3);
    for (const id of ids) expect(await federation.model(id)).toEqual(wanted);
  });
});

describe('a job on MRI', () => {
  const cwd = join(root, 'mri');
  const jobPath = join(cwd, 'job');

  it('comes to the same bytes on the folders of its sites as in a simulation on all of them', async () => {
    await mkdir(cwd);
    for (const line of [
      'preprocess phantom bids --per-class 14 --sites 2 --size 20',
      'preprocess split bids --strategy column --site-column site --validation 0.25 --test 0 --out split.json',
      'preprocess split bids --split split.json --materialize site-data',
      'job create job --template mri-fedavg --set num_rounds=2 --set local_epochs=1 --set image_size=32 --set data=bids --set split=split.json',
    ])
      expect([line, await runCli(line.split(' '), { cwd })]).toMatchObject([line, { code: 0 }]);
    const engine = { choice: 'ort', gpu: undefined, requireGpu: false } as const;
    for (const site of ['site-1', 'site-2']) {
      await federation.stop(site);
      await federation.startClient(site, { data: join(cwd, 'site-data', site), engine });
    }
    const meta = await federation.run(jobPath);
    expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', round: 2, first_failure: null });
    expect(await federation.model(meta.job_id)).toEqual(await asSimulated(jobPath, 2, 'ort'));
  });

  it('that labels voxels does so, too, with the masks of the sites', async () => {
    const line =
      'job create lesions --template mri-segmentation --set num_rounds=2 --set local_epochs=1 --set patches_per_volume=1 --set model.patch_size=8 --set model.levels=2 --set data=bids --set split=split.json';
    expect(await runCli(line.split(' '), { cwd })).toMatchObject({ code: 0 });
    const path = join(cwd, 'lesions');
    const meta = await federation.run(path);
    expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', round: 2, first_failure: null });
    expect(await federation.model(meta.job_id)).toEqual(await asSimulated(path, 2, 'ort'));
  });

  it('whose pictures are harmonised does so, too, and what leaves a site for it stands in its ledger by name', async () => {
    const line =
      'job create combat --template mri-fedavg --set num_rounds=1 --set local_epochs=1 --set image_size=32 --set data=bids --set split=split.json --set workflow.harmonisation=combat';
    expect(await runCli(line.split(' '), { cwd })).toMatchObject({ code: 0 });
    const path = join(cwd, 'combat');
    const meta = await federation.run(path);
    expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', round: 1, first_failure: null });
    expect(await federation.model(meta.job_id)).toEqual(await asSimulated(path, 2, 'ort'));
    const downloaded = await federation.download(meta.job_id, join(cwd, 'downloaded'));
    const [, simulated = ''] = await Array.fromAsync(glob('**/harmonisation.json', { cwd }));
    const texts = [join(downloaded, 'harmonisation.json'), join(cwd, simulated)].map((file) =>
      readFile(file, 'utf8'),
    );
    const [own, other] = await Promise.all(texts);
    expect(JSON.parse(own ?? '')).toMatchObject({ method: 'combat', effects: { sites: { 'site-2': {} } } });
    expect(own).toBe(other);
    const { egress } = clientFolder(join(federation.kits.kit('site-1'), 'work'));
    const sent = (await Array.fromAsync(readChainedLog(egress))).filter(
      ({ what }) => what === 'harmonisation',
    );
    expect(sent).toMatchObject([{ job: meta.job_id, task: 'harmonise.effects/1/site-1' }]);
  });
});

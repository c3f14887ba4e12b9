import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sha256 } from '../../../src/runtime/base/digest.ts';
import { decodeSafetensors, encodeSafetensors } from '../../../src/runtime/base/tensors/safetensors.ts';
import { clientFolder } from '../../../src/runtime/deployment/client/memory/client-folder.ts';
import { personalPath } from '../../../src/runtime/run/run-folder.ts';
import { readChainedLog } from '../../../src/runtime/security/logs/chained-log.ts';
import { writeJob } from '../../support/job-folder.ts';
import { LiveFederation } from '../../support/live-federation.ts';
import { OWN_MODEL, OWN_SCRIPT, OWN_SITES } from '../../support/own-models-job.ts';
import { float32 } from '../../support/param-sets.ts';
import { finalModel } from '../../support/run-files.ts';
import { simulateQuietly } from '../../support/simulate-quietly.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;

beforeAll(async () => {
  federation = await LiveFederation.start(join(root, 'kits'), { clients: 2 });
});
afterAll(() => federation.close());

/** Site n adds n to all that it has, and counts its rounds. */
const SCRIPT = `import * as flare from 'neuroflare/client';
await flare.init();
while (await flare.isRunning()) {
  const { params } = await flare.receive();
  const metrics = { accuracy: params['bn/gamma'].data[0] };
  if (flare.isEvaluate()) { await flare.send({ metrics }); continue; }
  const rounds = (flare.loadState() ?? 0) + 1;
  flare.saveState(rounds);
  const n = Number(flare.siteName().slice(-1));
  for (const { data } of Object.values(params)) data.forEach((value, at) => { data[at] = value + n * rounds; });
  await flare.send({ params, metrics });
}
`;
const numbersOf = (model: Buffer) =>
  Object.fromEntries(
    Object.entries(decodeSafetensors(model, 'model')).map(([name, { data }]) => [name, [...data]]),
  );

it('tensors that stay at each site do so over the network as in a simulation, and a filter sees none of them', async () => {
  const path = await writeJob(join(root, 'job'), {
    script: SCRIPT,
    patch: {
      workflow: { n_clients: 2, num_rounds: 2, local_tensors: ['bn/*'] },
      model: { initial_params: { kernel: { data: [1, 2] }, 'bn/gamma': { data: [0, 0, 0] } } },
      // Of the kernel alone, whose difference is n * round * sqrt(2) at most.
      task_result_filters: [{ name: 'norm_clip', max_norm: 6 }],
    },
  });
  const meta = await federation.run(path);
  expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', first_failure: null });
  const model = await federation.model(meta.job_id);
  expect(numbersOf(model)).toEqual({ kernel: [5.5, 6.5], 'bn/gamma': [0, 0, 0] });
  const run = await simulateQuietly(path, { workspace: join(root, 'simulated'), clients: 2 });
  expect(model).toEqual(finalModel(run));

  for (const site of ['site-1', 'site-2']) {
    const folder = clientFolder(join(federation.kits.kit(site), 'work'));
    const personal = readFileSync(folder.job(meta.job_id).personal);
    const n = Number(site.slice(-1));
    expect(numbersOf(personal)).toEqual({ kernel: [5.5, 6.5], 'bn/gamma': Array(3).fill(3 * n) });
    expect(personal).toEqual(readFileSync(join(run, personalPath(site))));
    const sent = (await Array.fromAsync(readChainedLog(folder.egress))).filter(
      ({ job, what }) => job === meta.job_id && what === 'update',
    );
    // What left are files of the shared array alone, as the script sent it.
    const shared = (round: number) => {
      const [before, step] = round === 1 ? [[1, 2], n] : [[2.5, 3.5], 2 * n];
      return sha256(encodeSafetensors({ kernel: float32(before.map((value) => value + step)) }));
    };
    expect(sent.map(({ sha256: digest }) => digest)).toEqual([shared(1), shared(2)]);
  }
});

it('models of the sites themselves are those of a simulation, and none of them leaves', async () => {
  const { 'site-1': first, 'site-3': second } = OWN_SITES;
  const path = await writeJob(join(root, 'own'), {
    script: OWN_SCRIPT,
    patch: {
      workflow: { n_clients: 2, num_rounds: 2, key_metric: 'loss', personalize_rounds: 4 },
      model: OWN_MODEL,
      sites: { 'site-1': { args: first }, 'site-2': { args: second } },
    },
  });
  const meta = await federation.run(path);
  expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', first_failure: null });
  const run = await simulateQuietly(path, { workspace: join(root, 'own-simulated'), clients: 2 });
  const model = await federation.model(meta.job_id);
  expect(model).toEqual(finalModel(run));
  for (const site of ['site-1', 'site-2']) {
    const folder = clientFolder(join(federation.kits.kit(site), 'work'));
    const personal = readFileSync(folder.job(meta.job_id).personal);
    expect(personal).toEqual(readFileSync(join(run, personalPath(site))));
    expect(numbersOf(personal)).not.toEqual(numbersOf(model));
    const sent = (await Array.fromAsync(readChainedLog(folder.egress))).filter(
      ({ job }) => job === meta.job_id,
    );
    expect(sent.filter(({ what }) => what === 'update')).toHaveLength(2);
    // Two rounds of two models, the global one, four steps of the personal one, and both of its own.
    expect(sent.filter(({ what }) => what === 'figures')).toHaveLength(2 * 2 + 1 + 4 + 2);
  }
});

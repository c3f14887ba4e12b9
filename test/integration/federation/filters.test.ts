import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeSafetensors } from '../../../src/runtime/base/tensors/safetensors.ts';
import { clientFolder } from '../../../src/runtime/deployment/client/memory/client-folder.ts';
import { readChainedLog } from '../../../src/runtime/security/logs/chained-log.ts';
import { type JobPatch, writeJob } from '../../support/job-folder.ts';
import { LiveFederation } from '../../support/live-federation.ts';
import { finalModel } from '../../support/run-files.ts';
import { simulateQuietly } from '../../support/simulate-quietly.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;
let count = 0;

beforeAll(async () => {
  federation = await LiveFederation.start(join(root, 'kits'), { clients: 3 });
});
afterAll(() => federation.close());

/** Site n adds 10 n to all weights, and n to the head. */
const SCRIPT = `import * as flare from 'neuroflare/client';
await flare.init();
while (await flare.isRunning()) {
  const { params } = await flare.receive();
  if (flare.isEvaluate()) { await flare.send({ metrics: { accuracy: 1 } }); continue; }
  const n = Number(flare.siteName().slice(-1));
  const { weights, head } = params;
  weights.data.forEach((_, index) => { weights.data[index] += 10 * n; });
  head.data.forEach((_, index) => { head.data[index] += n; });
  await flare.send({ params, metrics: { accuracy: 1 } });
}
`;
const job = (patch: JobPatch) =>
  writeJob(join(root, `job-${count++}`), {
    script: SCRIPT,
    patch: {
      workflow: { n_clients: 3, num_rounds: 1 },
      model: { initial_params: { weights: { data: [1, 2, 3, 4] }, head: { data: [0, 0] } } },
      ...patch,
    },
  });
const own = (site: string, before: string, after: string) =>
  federation.kits.changeFile(site, 'local/site-policy.yml', {
    [`task_result_filters: ${before}`]: `task_result_filters: ${after}`,
  });
const numbersOf = (model: Buffer) =>
  Object.fromEntries(
    Object.entries(decodeSafetensors(model, 'model')).map(([name, { data }]) => [name, [...data]]),
  );
const simulated = async (path: string): Promise<Buffer> => {
  const run = await simulateQuietly(path, { workspace: `${path}-work`, clients: 3 });
  return finalModel(run);
};
const COMPLETED = { status: 'FINISHED:COMPLETED', first_failure: null };

describe('filters of results', () => {
  it.each([
    [
      'exclude_vars',
      [{ name: 'exclude_vars', exclude_vars: 'he*' }],
      { weights: [21, 22, 23, 24], head: [0, 0] },
    ],
    // Norms are 20, 40 and 60 without the head.
    [
      'exclude_vars and norm_clip',
      [
        { name: 'exclude_vars', exclude_vars: ['head'] },
        { name: 'norm_clip', max_norm: 20 },
      ],
      { weights: [11, 12, 13, 14], head: [0, 0] },
    ],
  ])('of a job do the same over the network as in a simulation: %s', async (_, filters, expected) => {
    const path = await job({ task_result_filters: filters });
    const meta = await federation.run(path);
    expect(meta).toMatchObject(COMPLETED);
    const model = await federation.model(meta.job_id);
    expect(numbersOf(model)).toEqual(expected);
    expect(model).toEqual(await simulated(path));
  });

  it('of a site keep here what it names, and the others make the mean of that; the ledger has what left', async () => {
    await own('site-2', '[]', '[{ name: exclude_vars, exclude_vars: [weights, conv*] }]');
    const meta = await federation.run(await job({}));
    await own('site-2', '[{ name: exclude_vars, exclude_vars: [weights, conv*] }]', '[]');
    expect(meta).toMatchObject(COMPLETED);
    expect(numbersOf(await federation.model(meta.job_id))).toEqual({
      weights: [21, 22, 23, 24],
      head: [2, 2],
    });
    const updates = async (site: string) => {
      const { egress } = clientFolder(join(federation.kits.kit(site), 'work'));
      const all = await Array.fromAsync(readChainedLog(egress));
      return all.filter(({ job: id, what }) => id === meta.job_id && what === 'update');
    };
    const [[whole], [part]] = [await updates('site-1'), await updates('site-2')];
    expect(Number(whole?.bytes) - Number(part?.bytes)).toBeGreaterThanOrEqual(16);
    const blob = await readFile(
      join(federation.state, 'jobs', meta.job_id, 'blobs', String(part?.sha256)),
    ).catch(() => undefined);
    if (blob) expect(numbersOf(blob)).toEqual({ head: [2, 2] });
  });

  it('that cannot go on fail the task, with site and filter', async () => {
    await own('site-2', '[]', '[{ name: exclude_vars, exclude_vars: "*" }]');
    const meta = await federation.run(await job({}));
    await own('site-2', '[{ name: exclude_vars, exclude_vars: "*" }]', '[]');
    expect(meta).toMatchObject({
      status: 'FINISHED:EXECUTION_EXCEPTION',
      first_failure: {
        site: 'site-2',
        error: {
          code: 'NF_FILTER_FAILED',
          message: expect.stringMatching(/exclude_vars of the site .* site-2/),
          place: { site: 'site-2', round: 1 },
        },
      },
    });
  });
});

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ParamSet } from '../../../src/runtime/base/tensors/nd-array.ts';
import { decodeSafetensors } from '../../../src/runtime/base/tensors/safetensors.ts';
import { clientFolder } from '../../../src/runtime/deployment/client/memory/client-folder.ts';
import { readChainedLog } from '../../../src/runtime/security/logs/chained-log.ts';
import { writeJob } from '../../support/job-folder.ts';
import { LiveFederation, makeLiveKits } from '../../support/live-federation.ts';
import { float32 } from '../../support/param-sets.ts';
import { RawSite } from '../../support/raw-site.ts';
import { finalModel } from '../../support/run-files.ts';
import { simulateQuietly } from '../../support/simulate-quietly.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;
let count = 0;

beforeAll(async () => {
  federation = await LiveFederation.start(join(root, 'kits'), { clients: 2 });
});
afterAll(() => federation.close());

const NUMBERS = 5000;

/** Each site pulls all numbers towards its own, and counts its rounds. */
const SCRIPT = `import * as flare from 'neuroflare/client';
await flare.init();
while (await flare.isRunning()) {
  const { params } = await flare.receive();
  const { weights } = params;
  const metrics = { accuracy: weights.data[0] };
  if (flare.isEvaluate()) { await flare.send({ metrics }); continue; }
  const rounds = Number(flare.loadState() ?? 0) + 1;
  flare.saveState(rounds);
  const n = Number(flare.siteName().slice(-1));
  weights.data.forEach((value, at) => { weights.data[at] = value + (Math.sin(at * n) - value) / (1 + rounds); });
  await flare.send({ params, metrics });
}
`;

const COMPLETED = { status: 'FINISHED:COMPLETED', first_failure: null };

describe('packed updates', () => {
  it.each([
    ['as they are', [], [20_000, 20_300]],
    ['float16', [{ name: 'float16' }], [10_000, 10_300]],
    ['int8', [{ name: 'int8' }], [5000, 5300]],
    ['top_k', [{ name: 'top_k', ratio: 0.02 }], [800, 1100]],
  ] as const)(
    'of %s travel in so many bytes, and give the bytes of a simulation',
    async (_, filters, [least, most]) => {
      const path = await writeJob(join(root, `job-${count++}`), {
        script: SCRIPT,
        patch: {
          workflow: { n_clients: 2, num_rounds: 2 },
          model: { initial_params: { weights: { shape: [NUMBERS], data: 0 } } },
          task_result_filters: filters,
        },
      });
      const meta = await federation.run(path);
      expect(meta).toMatchObject(COMPLETED);
      const run = await simulateQuietly(path, { workspace: `${path}-work`, clients: 2 });
      expect(await federation.model(meta.job_id)).toEqual(finalModel(run));
      for (const site of ['site-1', 'site-2']) {
        const { egress } = clientFolder(join(federation.kits.kit(site), 'work'));
        const sent = (await Array.fromAsync(readChainedLog(egress))).filter(
          ({ job, what }) => job === meta.job_id && what === 'update',
        );
        expect(sent).toHaveLength(2);
        for (const { bytes } of sent) {
          expect(Number(bytes)).toBeGreaterThan(least);
          expect(Number(bytes)).toBeLessThan(most);
        }
      }
    },
  );

  it('are refused by a site whose own bound they would break, before they leave', async () => {
    const own = (before: string, after: string) =>
      federation.kits.changeFile('site-2', 'local/site-policy.yml', {
        [`task_result_filters: ${before}`]: `task_result_filters: ${after}`,
      });
    const clip = '[{ name: norm_clip, max_norm: 1 }]';
    await own('[]', clip);
    const path = await writeJob(join(root, `job-${count++}`), {
      script: SCRIPT,
      patch: {
        workflow: { n_clients: 2, num_rounds: 1 },
        model: { initial_params: { weights: { shape: [4], data: 0 } } },
        task_result_filters: [{ name: 'float16' }],
      },
    });
    const meta = await federation.run(path);
    await own(clip, '[]');
    expect(meta).toMatchObject({
      first_failure: {
        site: 'site-2',
        error: {
          code: 'NF_FILTER_FAILED',
          message: expect.stringMatching(/norm_clip of the site.*packs updates \(float16\)/),
        },
      },
    });
  });
});

describe('a server', () => {
  let alone: LiveFederation;
  beforeAll(async () => {
    alone = new LiveFederation(await makeLiveKits(join(root, 'alone'), { clients: 1 }));
    await alone.startServer();
  });
  afterAll(() => alone.close());

  const packed = (scale: number): ParamSet => ({
    weights: { dtype: 'int8', shape: [4], data: Int8Array.of(1, 2, 3, 127) },
    '': { dtype: 'float64', shape: [1], data: Float64Array.of(scale) },
  });
  const INT8 = [{ name: 'int8' }];

  it.each([
    [
      'a plain update, where the job packs',
      INT8,
      { weights: float32([1, 2, 3, 4]) },
      { params_type: 'DIFF' },
      /encoded as safetensors, and the job asks for int8.1/,
    ],
    [
      'another packing',
      INT8,
      packed(1),
      { params_type: 'DIFF', encoding: 'float16.1' },
      /encoded as float16.1, and the job asks for int8.1/,
    ],
    [
      'a packed update, where the job does not pack',
      [],
      packed(1),
      { params_type: 'DIFF', encoding: 'int8.1' },
      /encoded as int8.1, and the job asks for safetensors/,
    ],
    [
      'packed models in place of differences',
      INT8,
      packed(1),
      { params_type: 'FULL', encoding: 'int8.1' },
      /params_type is FULL/,
    ],
    [
      'a plain file that is called packed',
      INT8,
      { weights: float32([1, 2, 3, 4]) },
      { params_type: 'DIFF', encoding: 'int8.1' },
      /missing ''/,
    ],
    [
      'a scale that lies',
      INT8,
      packed(Number.NaN),
      { params_type: 'DIFF', encoding: 'int8.1' },
      /'weights' cannot be read: its scale is NaN/,
    ],
  ] as const)('refuses %s by name, and the round knows of it', async (_, filters, params, said, message) => {
    const folder = await writeJob(join(root, `job-${count++}`), {
      patch: {
        workflow: { n_clients: 1, num_rounds: 1 },
        model: { initial_params: { weights: { data: [0, 0, 0, 0] } } },
        task_result_filters: filters,
      },
    });
    const site = await RawSite.connect(alone.kits, 'site-1');
    const job = await alone.submit(folder, { clients: ['site-1'] });
    await site.accept(job);
    await site.task(job);
    const update = await site.upload(job, params);
    await expect(site.result(job, { update, ...said })).rejects.toMatchObject({
      message: expect.stringMatching(message),
    });
    expect(await alone.end(job)).toMatchObject({
      status: 'FINISHED:EXECUTION_EXCEPTION',
      first_failure: { site: 'site-1', error: { message: expect.stringMatching(message) } },
    });
    await site.close();
  });

  it('takes one that is packed as its job says, and counts what it stands for', async () => {
    const folder = await writeJob(join(root, `job-${count++}`), {
      patch: {
        workflow: { n_clients: 1, num_rounds: 1 },
        model: { initial_params: { weights: { data: [0, 0, 0, 0] } } },
        task_result_filters: INT8,
      },
    });
    const site = await RawSite.connect(alone.kits, 'site-1');
    const job = await alone.submit(folder, { clients: ['site-1'] });
    await site.accept(job);
    await site.task(job);
    const update = await site.upload(job, packed(0.5));
    const said = { update, params_type: 'DIFF', encoding: 'int8.1' };
    expect(await site.result(job, said)).toMatchObject({ verdict: 'accepted' });
    await expect.poll(async () => (await site.task(job)).name, { timeout: 60_000 }).toBe('evaluate');
    expect(await site.result(job, { round: 2 })).toMatchObject({ verdict: 'accepted' });
    await alone.end(job);
    const { weights } = decodeSafetensors(await alone.model(job), 'model');
    expect(Array.from(weights?.data ?? [])).toEqual([0.5, 1, 1.5, 63.5]);
    await site.close();
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { runFolder } from '../../../../src/runtime/run/run-folder.ts';
import { readEvents } from '../../../../src/runtime/run/stored-runs.ts';
import { type JobPatch, TINY_SCRIPT, writeJob } from '../../../support/job-folder.ts';
import { readModel } from '../../../support/model-files.ts';
import { RULED_MODEL, RULED_SCRIPT } from '../../../support/ruled-script.ts';
import { SCAFFOLD_SCRIPT } from '../../../support/scaffold-script.ts';
import { simulateQuietly } from '../../../support/simulate-quietly.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

async function run(patch: JobPatch, script = TINY_SCRIPT): Promise<string> {
  count += 1;
  const { workflow = {}, ...others } = patch;
  const job = await writeJob(join(root, `job-${count}`), {
    script,
    patch: { workflow: { n_clients: 4, ...(workflow as object) }, ...others },
  });
  return simulateQuietly(job, { workspace: join(root, `work-${count}`) });
}

const modelOf = (place: string) => readModel(join(place, 'model.safetensors'));
const secure = { secure_aggregation: {} };

describe('a simulation of secure aggregation', () => {
  it.each([
    ['fedavg', RULED_SCRIPT, {}],
    ['fedprox', RULED_SCRIPT, {}],
    ['fedopt', RULED_SCRIPT, { server_optimizer: 'sgd' }],
    ['feddyn', RULED_SCRIPT, {}],
    ['scaffold', SCAFFOLD_SCRIPT, { key_metric: 'accuracy' }],
  ] as const)('of %s has the model of sums in the clear, but for the grid', async (type, script, own) => {
    const sites = Object.fromEntries(
      [1, 2, 3, 4].map((at) => [
        `site-${at}`,
        { args: { a: [1, at, 2], b: [at, 0, -at], steps: 3, rate: 0.1 } },
      ]),
    );
    const workflow = { type, key_metric: 'loss', num_rounds: 3, clients_per_round: 3, ...own };
    const patch = { workflow, model: RULED_MODEL, sites };
    const [plain, summed] = [await run(patch, script), await run({ ...patch, ...secure }, script)];
    const [one, other] = [(await modelOf(plain)).weights?.data, (await modelOf(summed)).weights?.data];
    expect(one).toHaveLength(3);
    for (const [at, value] of [...(one ?? [])].entries())
      expect(Math.abs((other?.[at] ?? 0) - value)).toBeLessThan(1e-6);
    expect(other).not.toEqual(one);
  });

  it('comes to the same bytes again', async () => {
    const bytes = async () => readFileSync(join(await run(secure), 'model.safetensors'));
    expect((await bytes()).equals(await bytes())).toBe(true);
  });
});

describe('a site that cannot be in the sum', () => {
  const patch = { ...secure, workflow: { min_clients: 3 }, sites: { 'site-2': { args: { step: 16 } } } };
  let place: string;

  beforeAll(async () => {
    place = await run(patch);
  });

  it('is left out where the others are enough, by name', async () => {
    const events = await Array.fromAsync(readEvents(runFolder(place)));
    const failed = events.flatMap((event) => (event.type === 'site.failed' ? [event] : []));
    expect(failed.map(({ task }) => task)).toEqual(['train/1/site-2', 'train/2/site-2']);
    expect(failed[0]?.error).toMatchObject({ code: 'NF_SECAGG_RANGE', place: { site: 'site-2', round: 1 } });
    expect(failed[0]?.error.message).toContain("'weights' differs by 16.");
  });

  it('ends the run where they are not', async () => {
    await expect(run({ ...patch, workflow: {} })).rejects.toMatchObject({ code: 'NF_SECAGG_RANGE' });
  });
});

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TINY_SCRIPT, writeJob } from '../../../support/job-folder.ts';
import { readModel } from '../../../support/model-files.ts';
import { simulateQuietly } from '../../../support/simulate-quietly.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

/** What a script that pulls its own steps by mu comes to. */
const PULLED = TINY_SCRIPT.replace(
  'x + Number(flare.args().step) + noise',
  '(x + 1) * (1 - flare.proximalMu()) + x * flare.proximalMu()',
);

async function run(script: string, workflow: object): Promise<number[]> {
  const folder = join(root, String(count++));
  const job = await writeJob(join(folder, 'job'), { script, patch: { workflow } });
  const place = await simulateQuietly(job, { workspace: join(folder, 'work') });
  return [...((await readModel(join(place, 'model.safetensors'))).weights?.data ?? [])];
}

describe('a simulation of FedProx', () => {
  it('tells scripts that train by themselves how much they are pulled, and those of other workflows 0', async () => {
    expect(await run(PULLED, { type: 'fedavg' })).toEqual([3, 4, 5, 6]);
    expect(await run(PULLED, { type: 'fedprox', proximal_mu: 0.5 })).toEqual([2, 3, 4, 5]);
  });

  it('ends with the site whose script trains without the term', async () => {
    await expect(run(TINY_SCRIPT, { type: 'fedprox' })).rejects.toMatchObject({
      code: 'NF_SCRIPT_PROXIMAL',
      hint: expect.stringContaining('flare.proximalMu()'),
      place: { site: expect.stringMatching(/^site-[12]$/), round: 1 },
    });
  });
});

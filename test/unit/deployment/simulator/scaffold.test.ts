import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { runFolder } from '../../../../src/runtime/run/run-folder.ts';
import { readEvents } from '../../../../src/runtime/run/stored-runs.ts';
import { TINY_SCRIPT, writeJob } from '../../../support/job-folder.ts';
import { readModel } from '../../../support/model-files.ts';
import { SCAFFOLD_SCRIPT } from '../../../support/scaffold-script.ts';
import { simulateQuietly } from '../../../support/simulate-quietly.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const numbers = z.array(z.number());
const round = z.object({ model: numbers, control: numbers });
/** See test/parity/scaffold.py, which wrote it. */
const PARITY = z
  .object({
    base: numbers,
    sites: z.array(z.object({ a: numbers, b: numbers })),
    steps: z.number(),
    rate: z.number(),
    server_rate: z.number(),
    drawn: z.array(z.array(z.string())),
    rounds: z.object({ 1: z.array(round), 2: z.array(round) }),
  })
  .parse(JSON.parse(readFileSync(new URL('../../../parity/scaffold.json', import.meta.url), 'utf8')));

const root = tempFolder();

async function run(option: 1 | 2): Promise<string> {
  const { base, steps, rate, server_rate, drawn, sites } = PARITY;
  const args = (at: number) => ({ args: { ...sites[at], steps, rate } });
  const job = await writeJob(join(root, `option-${option}`), {
    script: SCAFFOLD_SCRIPT,
    patch: {
      workflow: {
        type: 'scaffold',
        scaffold_option: option,
        server_learning_rate: server_rate,
        n_clients: sites.length,
        clients_per_round: 2,
        num_rounds: drawn.length,
      },
      model: { initial_params: { weights: { dtype: 'float64', data: base } } },
      sites: { 'site-1': args(0), 'site-2': args(1), 'site-3': args(2) },
    },
  });
  return simulateQuietly(job, { workspace: join(root, `work-${option}`) });
}

describe.each([1, 2] as const)('a simulation of SCAFFOLD by option %i', (option) => {
  let place: string;

  beforeAll(async () => {
    place = await run(option);
  });

  it('comes to the models and control variates of the full computation, also at sites that were not drawn', async () => {
    const folder = runFolder(place);
    const events = await Array.fromAsync(readEvents(folder));
    const members = events.flatMap((event) => (event.type === 'members.chosen' ? [event.sites] : []));
    expect(members.slice(0, -1)).toEqual(PARITY.drawn);
    const closed = events.flatMap((event) => (event.type === 'round.closed' && event.model ? [event] : []));
    const last = closed.at(-1);
    const wanted = PARITY.rounds[option].at(-1);
    const model = await readModel(folder.at(last?.model?.path ?? ''));
    const control = await readModel(folder.at(last?.state?.control?.path ?? ''));
    for (const at of [0, 1, 2]) {
      expect(model.weights?.data[at]).toBeCloseTo(wanted?.model[at] ?? 0, 10);
      expect(control.weights?.data[at]).toBeCloseTo(wanted?.control[at] ?? 0, 10);
    }
  });
});

it('ends with the site whose script trains without its control variates', async () => {
  const job = await writeJob(join(root, 'without'), {
    script: TINY_SCRIPT,
    patch: { workflow: { type: 'scaffold' } },
  });
  await expect(simulateQuietly(job, { workspace: join(root, 'work') })).rejects.toMatchObject({
    code: 'NF_SCRIPT_CORRECTION',
    hint: expect.stringContaining('flare.correction()'),
    place: { site: expect.stringMatching(/^site-[12]$/), round: 1 },
  });
});

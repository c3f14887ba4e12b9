import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientFolder } from '../../../src/runtime/deployment/client/memory/client-folder.ts';
import { readChainedLog } from '../../../src/runtime/security/logs/chained-log.ts';
import { type JobPatch, writeJob } from '../../support/job-folder.ts';
import { LiveFederation } from '../../support/live-federation.ts';
import { finalModel } from '../../support/run-files.ts';
import { SCAFFOLD_SCRIPT } from '../../support/scaffold-script.ts';
import { simulateQuietly } from '../../support/simulate-quietly.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;
let count = 0;

beforeAll(async () => {
  federation = await LiveFederation.start(join(root, 'kits'), { clients: 4 });
});
afterAll(() => federation.close());

const SITES = ['site-1', 'site-2', 'site-3'];
const COMPLETED = { status: 'FINISHED:COMPLETED', first_failure: null };

async function jobOf({ workflow, ...patch }: JobPatch, script?: string): Promise<string> {
  count += 1;
  return writeJob(join(root, `job-${count}`), {
    ...(script !== undefined && { script }),
    patch: {
      secure_aggregation: {},
      workflow: { n_clients: 3, num_rounds: 2, ...(workflow as object) },
      ...patch,
    },
  });
}

describe('a job whose updates are summed up in secret', () => {
  it.each([
    ['fedavg', {}, undefined],
    ['scaffold', { key_metric: 'accuracy' }, SCAFFOLD_SCRIPT],
  ])('of %s has the bytes of a simulation', async (type, own, script) => {
    const path = await jobOf({ workflow: { type, ...own } }, script);
    const meta = await federation.run(path, { clients: SITES });
    expect(meta).toMatchObject(COMPLETED);
    const run = await simulateQuietly(path, { workspace: `${path}-work`, clients: 3 });
    expect(await federation.model(meta.job_id)).toEqual(finalModel(run));
  });
});

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientFolder } from '../../../src/runtime/deployment/client/memory/client-folder.ts';
import { letIn, peersHere, peerToApprove } from '../../../src/runtime/deployment/client/peers-desk.ts';
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
  federation = await LiveFederation.start(join(root, 'kits'), { clients: 3 });
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
    for (const site of SITES) await expectMasked(site, meta.job_id);
  });
});

/** In two rounds: what left, and no update. */
async function expectMasked(site: string, job: string): Promise<void> {
  const folder = clientFolder(join(federation.kits.kit(site), 'work'));
  const lines = (await Array.fromAsync(readChainedLog(folder.egress))).filter((line) => line.job === job);
  const kinds = ['keys', 'shares', 'masked update', 'agreement', 'unmasking'];
  for (const kind of kinds)
    expect(lines.filter(({ what }) => what === kind).length).toBeGreaterThanOrEqual(2);
  expect(lines.filter(({ what }) => what === 'update')).toEqual([]);
  expect(existsSync(folder.job(job).masked)).toBe(false);
}

describe('a site that knows another key of one of its peers', () => {
  it('is in no sum with it until the key is approved, and says how', async () => {
    const place = { kitDir: federation.kits.kit('site-1') };
    const { own } = await peersHere({ kitDir: federation.kits.kit('site-2') });
    await letIn(place, 'site-2', 'f'.repeat(64));
    const path = await jobOf({ workflow: { num_rounds: 1 } });
    const meta = await federation.run(path, { clients: SITES });
    expect(meta).toMatchObject({
      status: 'FINISHED:EXECUTION_EXCEPTION',
      first_failure: {
        site: 'site-1',
        error: {
          code: 'NF_SECAGG_PEER',
          message: expect.stringMatching(
            /^site-2 cannot be in a sum with this site: its key is [0-9a-f]{16}, and here f{16} is known/,
          ),
        },
      },
    });
    expect((await peersHere(place)).peers).toContainEqual(
      expect.objectContaining({ site: 'site-2', key_sha256: own, state: 'waiting' }),
    );
    const key = await peerToApprove(place, { site: 'site-2' });
    expect(key).toBe(own);
    expect([await letIn(place, 'site-2', key), await letIn(place, 'site-2', key)]).toEqual([true, false]);
    await expect(peerToApprove(place, { site: 'site-1' })).rejects.toMatchObject({ code: 'NF_PEER_UNKNOWN' });
    expect(
      await federation.run(await jobOf({ workflow: { num_rounds: 1 } }), { clients: SITES }),
    ).toMatchObject(COMPLETED);
  });
});

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { clientFolder } from '../../src/runtime/deployment/client/memory/client-folder.ts';
import { verifyChainedLog } from '../../src/runtime/security/logs/chained-log.ts';
import { findLogs } from '../../src/runtime/security/verify-logs.ts';
import { writeJob } from '../support/job-folder.ts';
import { ProcessFederation } from '../support/process-federation.ts';
import { finalModel } from '../support/run-files.ts';
import { simulateQuietly } from '../support/simulate-quietly.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
const SITES = ['site-1', 'site-2', 'site-3'];
let federation: ProcessFederation;

afterEach(() => federation?.close());

/** Where each process is ended, as `kill -9` ends it: a phase of a masked round each. */
const KILLS: readonly Readonly<Record<string, string>>[] = [
  {
    'site-1': 'client:secagg.held',
    'site-2': 'client:secagg.keys',
    'site-3': 'client:secagg.masking',
    hub: 'round.answered:after@3',
  },
  {
    'site-1': 'client:secagg.shares',
    'site-2': 'client:secagg.agree',
    'site-3': 'client:secagg.open@2',
    hub: 'result.accepted:after@11',
  },
];

describe('a masked job over real processes', () => {
  it.each(KILLS)('that are killed at %j ends with the bytes of a simulation', async (kills) => {
    const at = KILLS.indexOf(kills);
    const job = await writeJob(join(root, `job-${at}`), {
      patch: { secure_aggregation: {}, workflow: { n_clients: 3, num_rounds: 2 } },
    });
    const wanted = finalModel(await simulateQuietly(job, { workspace: `${job}-simulated` }));
    federation = await ProcessFederation.make(join(root, `kits-${at}`), { clients: 3 });
    const starts = Object.entries(kills).map(([name, point]) => [name, { env: { NEUROFLARE_FAULT: point } }]);
    await federation.startAll(3, Object.fromEntries(starts));
    const id = await federation.submit(job);
    await Promise.all(
      Object.keys(kills).map(async (name) => {
        expect(await federation.ended(name)).toMatchObject({ signal: 'SIGKILL' });
        federation.start(name);
      }),
    );
    await federation.answers();
    expect(await federation.wait(id)).toMatchObject({ status: 'FINISHED:COMPLETED', first_failure: null });
    expect(federation.model(id)).toEqual(wanted);
    for (const site of SITES) {
      const folder = clientFolder(join(federation.kits.kit(site), 'work'));
      const { isSigned } = await findLogs(federation.kits.kit(site));
      for (const path of [folder.egress, folder.audit])
        expect((await verifyChainedLog(path, isSigned)).findings).toEqual([]);
      expect(existsSync(folder.job(id).masked)).toBe(false);
    }
  });
});

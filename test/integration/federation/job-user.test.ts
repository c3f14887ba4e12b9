import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { preflight } from '../../../src/runtime/deployment/preflight/preflight.ts';
import { isOpenToOthers } from '../../support/as-nobody.ts';
import { writeJob } from '../../support/job-folder.ts';
import { LiveFederation, makeLiveKits } from '../../support/live-federation.ts';

const USER = 65_534;
const isRoot = process.geteuid?.() === 0;
let root: string;
let federation: LiveFederation;

beforeAll(async () => {
  // Not below a folder that is closed to other users.
  root = await mkdtemp(join(tmpdir(), 'neuroflare-user-'));
  await chmod(root, 0o755);
  federation = new LiveFederation(await makeLiveKits(join(root, 'kits'), { clients: 1 }));
  await federation.kits.changeFile('site-1', 'local/site-policy.yml', {
    'run_as: own': `run_as: { uid: ${USER}, gid: ${USER} }`,
  });
  await federation.startServer();
});
afterAll(async () => {
  await federation.close();
  await rm(root, { recursive: true, force: true });
});

const SCRIPT = `import * as flare from 'neuroflare/client';
import { appendFileSync, readFileSync } from 'node:fs';
await flare.init();
const { params } = await flare.receive();
appendFileSync('rounds', 'x');
const rounds = readFileSync('rounds', 'utf8').length;
const isOther = process.getuid() === ${USER} && process.getgid() === ${USER} && process.getgroups().every((id) => id === ${USER});
flare.saveState({ rounds });
const metrics = { accuracy: isOther ? rounds : -1 };
await flare.send(flare.isEvaluate() ? { metrics } : { params, metrics });
`;

const isOpen = await isOpenToOthers();

describe.runIf(isRoot)('job processes of another user', () => {
  if (!isOpen) {
    it('are refused where the code is closed to them', async () => {
      await federation.startClient('site-1', { workDir: join(root, 'work') });
      await expect(federation.ended('site-1')).rejects.toMatchObject({ code: 'NF_JOB_USER' });
    });
    return;
  }

  it('run the job, and own nothing of it but their own folders', async () => {
    const work = join(root, 'work');
    await federation.startClient('site-1', { workDir: work });
    await federation.connected(1);
    const job = await writeJob(join(root, 'job'), {
      script: SCRIPT,
      patch: { workflow: { n_clients: 1, num_rounds: 2 } },
    });
    const { status, best } = await federation.run(job);
    expect({ status, best }).toMatchObject({ status: 'FINISHED:COMPLETED', best: { model: 2, value: 3 } });
    await federation.stop('site-1');
  });

  it('are refused before work starts where they cannot get to it', async () => {
    await federation.startClient('site-1');
    await expect(federation.ended('site-1')).rejects.toMatchObject({
      code: 'NF_JOB_USER',
      message: expect.stringMatching(/: \S*kits\S* is closed to it\.$/),
    });
    const options = { kitDir: federation.kits.kit('site-1'), engine: 'cpu' } as const;
    const wrong = async (work?: string) =>
      (await preflight({ ...options, work })).filter(({ ok }) => !ok).map(({ check }) => check);
    expect(await wrong()).toEqual(['work folder']);
    expect(await wrong(join(root, 'work'))).toEqual([]);
  });
});

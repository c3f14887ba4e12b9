import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { resumeJob } from '../../src/runtime/deployment/admin/resume.ts';
import { clientFolder } from '../../src/runtime/deployment/client/memory/client-folder.ts';
import { personalPath } from '../../src/runtime/run/run-folder.ts';
import { verifyChainedLog } from '../../src/runtime/security/logs/chained-log.ts';
import { untilParentEnds } from '../../src/runtime/security/policy/death-signal.ts';
import { findLogs } from '../../src/runtime/security/verify-logs.ts';
import { TINY_SCRIPT, writeJob } from '../support/job-folder.ts';
import { until } from '../support/live-federation.ts';
import { LOCAL_MODEL, LOCAL_SCRIPT } from '../support/local-tensors-job.ts';
import { OWN_MODEL, OWN_SCRIPT } from '../support/own-models-job.ts';
import { ProcessFederation } from '../support/process-federation.ts';
import { finalModel } from '../support/run-files.ts';
import { SCAFFOLD_SCRIPT } from '../support/scaffold-script.ts';
import { simulateQuietly } from '../support/simulate-quietly.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** Every transition of a job at which a process can be killed. `@N`: the N-th time it is passed. */
const SERVER_POINTS = [
  'job:DISPATCHED',
  'job:RUNNING',
  'run.opened:before',
  'run.opened:after',
  'model.initial:before',
  'model.initial:after',
  'round.opened:before',
  'round.opened:after',
  'upload.piece',
  'upload.piece@2',
  'result.accepted:before',
  'result.accepted:after',
  'result.accepted:after@2',
  'round.aggregating',
  'model.kept',
  'members.chosen:after@2',
  'round.answered:before@2',
  'model.made:before',
  'model.made:after',
  'round.closed:before',
  'round.closed:after',
  'round.opened:before@2',
  'round.opened:after@2',
  'result.accepted:after@3',
  'model.kept@2',
  'round.closed:after@2',
  'round.closed:before@3',
  'run.finished:before',
  'run.finished:after',
  'job:FINISHED:COMPLETED',
];
const CLIENT_POINTS = [
  'client:model',
  'client:computed',
  'client:outbox',
  'client:uploaded',
  'client:acknowledged',
  'client:outbox@2',
  'client:acknowledged@2',
];
/** What the script keeps must survive a kill, too. */
const SCRIPT = TINY_SCRIPT.replace(
  'const noise =',
  `const kept = flare.loadState() ?? 1;
  flare.saveState(kept * 1.5);
  const noise = kept *`,
);

const root = tempFolder();
let job: string;
let wanted: Buffer;
let count = 0;
let federation: ProcessFederation;

async function simulated(path: string): Promise<Buffer> {
  const run = await simulateQuietly(path, { workspace: `${path}-simulated` });
  return finalModel(run);
}

beforeAll(async () => {
  job = await writeJob(join(root, 'job'), { script: SCRIPT });
  wanted = await simulated(job);
});
const make = async () => {
  federation = await ProcessFederation.make(join(root, String(count++)));
  return federation;
};
afterEach(() => federation?.close());

const bytesAreThose = async (id: string, bytes = wanted) => {
  expect(await federation.wait(id)).toMatchObject({
    status: 'FINISHED:COMPLETED',
    round: 2,
    first_failure: null,
  });
  expect(federation.model(id)).toEqual(bytes);
  for (const name of ['hub', 'site-1', 'site-2']) {
    const { paths, isSigned } = await findLogs(federation.kits.kit(name));
    for (const path of paths) expect((await verifyChainedLog(path, isSigned)).findings).toEqual([]);
  }
};

/** A job whose server is killed there, and started again. */
async function killedAt(point: string, path: string): Promise<string> {
  await make();
  await federation.startAll(2, { hub: { env: { NEUROFLARE_FAULT: point } } });
  const id = await federation.submit(path);
  expect(await federation.ended('hub')).toMatchObject({ signal: 'SIGKILL' });
  federation.start('hub');
  await federation.answers();
  return id;
}

describe.each([
  ['fedopt', { server_optimizer: 'adam', server_learning_rate: 0.5 }],
  ['cyclic', {}],
  ['scaffold', {}, SCAFFOLD_SCRIPT],
] as const)('a server that is killed in a job of %s', (type, options, script: string = SCRIPT) => {
  it.each([
    'members.chosen:after@2',
    'round.answered:before@2',
    'model.kept@2',
    'model.made:after',
    'round.closed:after',
  ])('at %s goes on, and the model has the same bytes', async (point) => {
    const other = await writeJob(join(root, `${type}-${count++}`), {
      script,
      patch: { workflow: { type, ...options } },
    });
    const id = await killedAt(point, other);
    await bytesAreThose(id, await simulated(other));
  });
});

describe.each([
  ['arrays', { workflow: { local_tensors: ['bn/*'] }, model: LOCAL_MODEL }, LOCAL_SCRIPT],
  ['models', { workflow: { personalize_rounds: 1, key_metric: 'loss' }, model: OWN_MODEL }, OWN_SCRIPT],
])('a job whose sites keep %s of their own, when a process is killed', (what, patch, script) => {
  it.each([
    ['hub', 'result.accepted:after@2'],
    ['hub', 'round.closed:after'],
    ['hub', 'round.opened:before@2'],
    ['hub', 'result.accepted:after@5'],
    ['site-1', 'client:computed@2'],
    ['site-1', 'client:outbox@2'],
    ['site-1', 'client:acknowledged'],
    ['site-1', 'client:computed@3'],
    ['site-1', 'client:outbox@3'],
  ])('%s at %s, ends with the same bytes, those of each site among them', async (name, point) => {
    await make();
    await federation.startAll(2, { [name]: { env: { NEUROFLARE_FAULT: point } } });
    const path = await writeJob(join(root, `${what}-${count++}`), { script, patch });
    const id = await federation.submit(path);
    expect(await federation.ended(name)).toMatchObject({ signal: 'SIGKILL' });
    federation.start(name);
    await federation.answers();
    const run = await simulateQuietly(path, { workspace: `${path}-simulated` });
    await bytesAreThose(id, finalModel(run));
    for (const site of ['site-1', 'site-2']) {
      const { personal } = clientFolder(join(federation.kits.kit(site), 'work')).job(id);
      expect(readFileSync(personal)).toEqual(readFileSync(join(run, personalPath(site))));
    }
  });
});

/** Its bytes follow from the order of arrival, which no other run has. */
describe('a server that is killed in a job that waits for no site', () => {
  it.each([
    'task.asked:after@3',
    'result.accepted:after@2',
    'answer.taken:after',
    'model.made:before@2',
    'round.closed:after@2',
  ])('at %s goes on to its end', async (point) => {
    const workflow = { type: 'fedbuff', buffer_size: 1, num_rounds: 3 };
    const other = await writeJob(join(root, `fedbuff-${count++}`), { script: SCRIPT, patch: { workflow } });
    const id = await killedAt(point, other);
    expect(await federation.wait(id)).toMatchObject({
      status: 'FINISHED:COMPLETED',
      round: 3,
      first_failure: null,
    });
  });
});

describe('a server that is killed', () => {
  it.each(SERVER_POINTS)('at %s goes on, and the model has the same bytes', async (point) => {
    await make();
    await federation.startAll(2, { hub: { env: { NEUROFLARE_FAULT: point } } });
    // The server may be gone before it has answered: the token makes it the same job when it is sent again.
    const sent = await federation.submit(job, 'once').catch(() => undefined);
    expect(await federation.ended('hub')).toMatchObject({ signal: 'SIGKILL' });
    federation.start('hub');
    await federation.answers();
    const id = await federation.submit(job, 'once');
    if (sent !== undefined) expect(id).toBe(sent);
    await bytesAreThose(id);
  });

  it.each(['job:model', 'round.reducing', 'job:results'])(
    'three times at %s, for reasons of its machine, goes on, and the model has the same bytes',
    async (point) => {
      const start = { env: { NEUROFLARE_FAULT: point } };
      await make();
      await federation.startAll(2, { hub: start });
      const id = await federation.submit(job);
      for (const isLast of [false, false, true]) {
        expect(await federation.ended('hub')).toMatchObject({ signal: 'SIGKILL' });
        federation.start('hub', isLast ? {} : start);
      }
      await federation.answers();
      await bytesAreThose(id);
    },
  );

  it('again and again at every record of its log goes on', async () => {
    await make();
    await federation.startAll(2, { hub: { env: { NEUROFLARE_FAULT: 'round.opened:after' } } });
    const id = await federation.submit(job);
    for (const point of [
      'result.accepted:after',
      'result.accepted:before',
      'model.kept',
      'round.closed:after',
      'round.opened:after',
    ]) {
      await federation.ended('hub');
      federation.start('hub', { env: { NEUROFLARE_FAULT: point } });
    }
    await federation.ended('hub');
    federation.start('hub');
    await federation.answers();
    await bytesAreThose(id);
  });
});

describe('a job that is resumed', () => {
  /** Aborted in its first round, then resumed by whoever may be cut off while asking. */
  const abortedJob = async () => {
    const slow = SCRIPT.replace(
      'const { params }',
      `await new Promise((done) => setTimeout(done, 700));\n  const { params }`,
    );
    const id = await federation.submit(await writeJob(join(root, 'resumed'), { script: slow }));
    await until(async () => (await federation.admin.job(id)).round >= 1);
    await federation.admin.abort(id);
    await federation.wait(id);
    return id;
  };
  const resume = (id: string) =>
    resumeJob(federation.admin, id, { signal: new AbortController().signal, onOriginal: () => undefined });

  it.each([
    ['job.resumed:before', 'FINISHED:ABORTED'],
    ['job.resumed:after', 'not over'],
    ['run.opened:before', 'not over'],
    ['round.closed:after', 'not over'],
  ])('by a server that is killed at %s goes on, and the model has the same bytes', async (point, left) => {
    await make();
    await federation.startAll(2);
    const id = await abortedJob();
    await federation.kill('hub');
    federation.start('hub', { env: { NEUROFLARE_FAULT: point } });
    await federation.connected(2);
    await resume(id).catch(() => undefined);
    expect(await federation.ended('hub')).toMatchObject({ signal: 'SIGKILL' });
    federation.start('hub');
    await federation.connected(2);
    if (left === 'FINISHED:ABORTED') {
      expect(await federation.admin.job(id)).toMatchObject({ status: left });
      await resume(id);
    }
    await bytesAreThose(id);
    expect((await federation.admin.job(id)).resumed).toHaveLength(1);
  });

  it('with a client that is killed where it takes the job up again has the same bytes', async () => {
    await make();
    await federation.startAll(2);
    const id = await abortedJob();
    await federation.kill('site-1');
    federation.start('site-1', { env: { NEUROFLARE_FAULT: 'client:outbox' } });
    await federation.connected(2);
    await resume(id);
    expect(await federation.ended('site-1')).toMatchObject({ signal: 'SIGKILL' });
    federation.start('site-1');
    await bytesAreThose(id);
  });
});

describe('a client that is killed', () => {
  it.each(CLIENT_POINTS)('at %s comes back, and the model has the same bytes', async (point) => {
    await make();
    await federation.startAll(2, { 'site-1': { env: { NEUROFLARE_FAULT: point } } });
    const id = await federation.submit(job);
    expect(await federation.ended('site-1')).toMatchObject({ signal: 'SIGKILL' });
    federation.start('site-1');
    await bytesAreThose(id);
  });

  it('leaves no process of a script behind', async () => {
    await make();
    await federation.startAll(2);
    const id = await federation.submit(
      await writeJob(join(root, 'endless'), {
        script: TINY_SCRIPT.replace('const { params }', 'while (true);\n  const { params }'),
      }),
    );
    await until(() => federation.jobProcess('site-1') !== undefined);
    await until(async () => (await federation.admin.job(id)).sites[0]?.phase === 'running');
    const left = federation.jobProcess('site-1') ?? 0;
    await federation.kill('site-1');
    // Where the kernel tells it of the end of its client, it does not need the next one.
    if ((await untilParentEnds()).length > 0) await until(() => !isAlive(left));
    federation.start('site-1');
    await until(() => federation.jobProcess('site-1') !== left);
    await until(() => !isAlive(left));
    await federation.admin.abort(id);
    await until(() => federation.jobProcess('site-1') === undefined);
  });
});

describe('a process of a job that is killed', () => {
  it('is started again, and the model has the same bytes', async () => {
    await make();
    const slow = SCRIPT.replace(
      'const { params }',
      `await new Promise((resolve) => setTimeout(resolve, 700));\n  const { params }`,
    );
    await federation.startAll(2);
    const id = await federation.submit(await writeJob(join(root, 'slow'), { script: slow }));
    await until(() => federation.jobProcess('site-2') !== undefined);
    await until(async () => (await federation.admin.job(id)).sites[1]?.phase === 'running');
    process.kill(federation.jobProcess('site-2') ?? 0, 'SIGKILL');
    await bytesAreThose(id);
  });
});

describe('a required site that is killed', () => {
  it('is noticed, by name, and the job goes on when it is back', async () => {
    await make();
    const slow = SCRIPT.replace(
      'const { params }',
      `await new Promise((resolve) => setTimeout(resolve, 2000));\n  const { params }`,
    );
    await federation.startAll(2);
    const id = await federation.submit(await writeJob(join(root, 'lost'), { script: slow }));
    await until(async () => (await federation.admin.job(id)).sites[0]?.phase === 'running');
    await federation.kill('site-1');
    await until(
      async () => (await federation.admin.job(id)).waiting?.what.includes('site-1 (lost since') === true,
    );
    federation.start('site-1');
    await bytesAreThose(id);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { packageVersion } from '../../src/runtime/base/files/package-version.ts';
import { type RunningCli, startCli } from '../support/cli.ts';
import { TINY_SCRIPT, writeJob } from '../support/job-folder.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { QUEUE_SERVER, QueueServer } from '../support/queue-parts.ts';
import { finalModel } from '../support/run-files.ts';
import { simulateQuietly } from '../support/simulate-quietly.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
/** Long enough to be killed in the middle. */
const SCRIPT = TINY_SCRIPT.replace(
  'const noise =',
  `const kept = flare.loadState() ?? 1;
  flare.saveState(kept * 1.5);
  console.log('trains');
  await new Promise((resolve) => setTimeout(resolve, 250));
  const noise = kept *`,
);
/** More rounds than a busy machine ends while a test looks away. */
const PATCH = { workflow: { n_clients: 4, num_rounds: 12 }, executor: { task_timeout: 60 } };
let server: QueueServer;
let job: string;
let wanted: Buffer;
let started: RunningCli[] = [];

function start(words: readonly string[], env: Record<string, string> = {}): RunningCli {
  const running = startCli(words, { cwd: root, env: { NEUROFLARE_QUEUE_URL: server.url, ...env } });
  started.push(running);
  return running;
}

const worker = (...words: string[]) => start(['worker', 'start', '--threads', '1', ...words]);
const head = (workspace: string, ...words: string[]) =>
  start(['simulate', job, '--backend', 'queue', '--workspace', workspace, '--log-config', 'full', ...words]);

function modelOf(workspace: string): Buffer {
  return finalModel(join(root, workspace, 'tiny/latest'));
}

function attemptsIn(workspace: string): string[] {
  const files = readdirSync(join(root, workspace), { recursive: true, encoding: 'utf8' });
  return files.filter((path) => /\.a\d+-|[\\/]workers[\\/]/.test(path));
}

describe.skipIf(!QUEUE_SERVER)('sites at workers behind a queue', () => {
  beforeAll(async () => {
    server = await QueueServer.start(root);
    job = await writeJob(join(root, 'job'), { patch: PATCH, script: SCRIPT });
    wanted = finalModel(await simulateQuietly(job, { workspace: join(root, 'threads') }));
  });

  afterEach(async () => {
    for (const { child } of started) child.kill('SIGKILL');
    await Promise.all(started.map(({ done }) => done));
    started = [];
    await server.with((redis) => redis.flushall());
  });

  afterAll(() => server?.kill());

  it('give the bytes of threads, whoever is killed, frozen or emptied', async () => {
    const workers = [worker(), worker()];
    const run = head('killed');
    await run.sees('round 1 of 12 closed');
    workers[0]?.child.kill('SIGKILL');
    workers.push(worker());
    await run.sees('round 2 of 12 closed');
    workers[1]?.child.kill('SIGSTOP');
    await server.kill();
    await server.start();
    await Promise.race([run.sees('is back'), run.done]);
    await Promise.race([run.sees('round 3 of 12 closed'), run.done]);
    await server.with((redis) => redis.flushall());
    workers[1]?.child.kill('SIGCONT');
    expect(await run.done).toMatchObject({ code: 0 });
    expect(modelOf('killed')).toEqual(wanted);
    expect(attemptsIn('killed')).toEqual([]);
    await expect
      .poll(async () => (await server.with((redis) => redis.keys('neuroflare:run-*'))).length)
      .toBe(0);
  });

  it('go on after the one who simulates was killed, and end when asked to', async () => {
    const one = worker();
    const first = head('resumed');
    await first.sees('round 1 of 12 closed');
    first.child.kill('SIGKILL');
    await first.done;
    const second = head('resumed', '--resume');
    await second.sees('round 2 of 12 closed');
    const listed = await runJson(['worker', 'list'], {
      cwd: root,
      env: { NEUROFLARE_QUEUE_URL: server.url },
    });
    expect(listed.answer.data).toMatchObject([{ version: packageVersion(), threads: 1, refused: [] }]);
    expect(await second.done).toMatchObject({ code: 0 });
    expect(modelOf('resumed')).toEqual(wanted);
    one.child.kill('SIGTERM');
    expect(await one.done).toMatchObject({ code: 0, stdout: expect.stringMatching(/has done \d+ tasks/) });
  });

  it('leave aside what no run has signed, and workers that would give other bits', async () => {
    const run = head('forged');
    await run.sees('Tasks wait for workers');
    const ids = () => server.with((redis) => redis.smembers('neuroflare:runs'));
    await expect.poll(ids).toHaveLength(1);
    const [id = ''] = await ids();
    for (const line of ['orders', 'answers']) {
      const queue = new Queue(`run-${id}-${line}`, { connection: { url: server.url }, prefix: 'neuroflare' });
      await queue.add('task', { text: '{"run":"x"}', mac: '0'.repeat(64) });
      await queue.close();
    }
    const other = {
      id: '0123abcd',
      name: 'other-1',
      version: packageVersion(),
      processor: 'x64 avx2',
      threads: 1,
      gpu: null,
      since: new Date().toISOString(),
      run: null,
      active: 0,
      done: 0,
      asks: { [id]: { class: 'x64 avx2, another' } },
    };
    const old = { ...other, id: '0123abce', name: 'other-2', version: '0.0.1' };
    await server.with(async (redis) => {
      for (const record of [other, old]) {
        await redis.sadd('neuroflare:workers', record.id);
        await redis.set(`neuroflare:worker:${record.id}`, JSON.stringify(record), 'EX', 600);
      }
    });
    await run.sees('NF_WORKER_FILES');
    await run.sees('The worker other-2 is neuroflare 0.0.1');
    await run.sees("not signed by the run's key");
    const one = worker();
    await one.sees('NF_WORKER_ORDER_FORGED');
    expect(await run.done).toMatchObject({ code: 0 });
    expect(modelOf('forged')).toEqual(wanted);
  });

  it.each([
    [
      'a wrong password',
      ['--requirepass', 'right'],
      'redis://:secret-word@127.0.0.1:PORT',
      'NF_QUEUE_DENIED',
    ],
    ['no password', ['--requirepass', 'right'], 'redis://127.0.0.1:PORT', 'NF_QUEUE_DENIED'],
    [
      'a server that evicts',
      ['--maxmemory-policy', 'allkeys-lru'],
      'redis://127.0.0.1:PORT',
      'NF_QUEUE_UNFIT',
    ],
  ])('are refused by name before there is a run: %s', async (_, words, url, code) => {
    const own = await QueueServer.start(root, words);
    const queue = url.replace('PORT', String(own.port));
    const wrong = ['simulate', job, '--backend', 'queue', '--queue', queue, '--workspace', 'refused'];
    const { answer, stdout, stderr } = await runJson(wrong, { cwd: root });
    await own.kill();
    expect(answer).toMatchObject({ error_code: code, exit_code: 2 });
    expect(stdout + stderr).not.toContain('secret-word');
    expect(readdirSync(root)).not.toContain('refused');
  });

  it('are waited for no longer than asked, and then named', async () => {
    const words = ['simulate', job, '--backend', 'queue', '--queue', server.url, '--workspace', 'nobody'];
    const { code, stderr } = await runCli([...words, '--wait-workers', '1'], { cwd: root });
    expect(stderr).toContain('NF_WORKER_NONE');
    expect(code).toBe(3);
    expect(readFileSync(join(root, 'nobody/tiny/latest/events.jsonl'), 'utf8')).toContain('NF_WORKER_NONE');
  });
});

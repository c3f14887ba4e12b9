// Tasks that do next to nothing, on threads and over a queue with one worker of as many threads: what the queue costs a task.
// usage: node bench/queue.ts [sites, default 40] [rounds, default 20] [threads, default 2]; needs redis-server or valkey-server
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const [sites = '40', rounds = '20', threads = '2'] = process.argv.slice(2);
const RUN = join(import.meta.dirname, '..', 'bin/run.js');
const PORT = '17999';
const folder = mkdtempSync(join(tmpdir(), 'bench-queue-'));
const started: ChildProcess[] = [];

function start(program: string, words: readonly string[]): ChildProcess {
  const child = spawn(program, words, { cwd: folder, stdio: ['ignore', 'ignore', 'ignore'] });
  started.push(child);
  return child;
}

/** Seconds of a whole run. */
async function simulate(...words: readonly string[]): Promise<number> {
  const begin = performance.now();
  const own = ['simulate', 'hello', '-n', sites, '--set', `num_rounds=${rounds}`, '--quiet', ...words];
  const [code] = await once(start(process.execPath, [RUN, ...own]), 'exit');
  if (code !== 0) throw new Error(`simulate ${words.join(' ')} ended with ${code}`);
  return (performance.now() - begin) / 1000;
}

const program = ['valkey-server', 'redis-server'].find((name) => {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});
if (program === undefined) throw new Error('There is neither valkey-server nor redis-server.');
try {
  execFileSync(process.execPath, [RUN, 'job', 'create', 'hello', '-t', 'hello-fedavg-numpy'], {
    cwd: folder,
  });
  start(program, ['--port', PORT, '--bind', '127.0.0.1', '--save', '', '--dir', folder]);
  await sleep(1000);
  const queue = ['--queue', `redis://127.0.0.1:${PORT}`];
  start(process.execPath, [RUN, 'worker', 'start', ...queue, '--threads', threads, '--quiet']);
  await sleep(2000);
  const tasks = Number(sites) * (Number(rounds) + 1);
  const lines: [string, number][] = [];
  for (let pair = 1; pair <= 3; pair++) {
    lines.push(['threads', await simulate('--threads', threads, '-w', `threads-${pair}`)]);
    lines.push(['queue', await simulate('--backend', 'queue', ...queue, '-w', `queue-${pair}`)]);
  }
  for (const name of ['threads', 'queue']) {
    const seconds = lines.filter(([own]) => own === name).map(([, time]) => time);
    const best = Math.min(...seconds);
    console.log(
      `${name}: ${tasks} tasks in ${seconds.map((time) => time.toFixed(1)).join(', ')} s; ` +
        `${(tasks / best).toFixed(0)} tasks a second, ${((best / tasks) * 1000).toFixed(1)} ms a task`,
    );
  }
} finally {
  for (const child of started) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}

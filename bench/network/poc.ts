// A federation on one machine, by the command line: start, a job, remote commands, abort, a site that is killed, stop; nvflare's beside it.
// usage: node bench/network/poc.ts [--turns 3] [--nvflare PYTHON]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from '../process-tree.ts';
import { NvflarePoc } from './nvflare-poc.ts';
import { OurPoc, timed } from './our-poc.ts';

const { values } = parseArgs({
  options: { turns: { type: 'string', default: '3' }, nvflare: { type: 'string' } },
});
const folder = mkdtempSync(join(tmpdir(), 'bench-poc-'));
const figures = new Map<string, { ours: number[]; theirs: number[] }>();
const ENDLESS = `import * as flare from 'neuroflare/client';
await flare.init();
while (true);
`;

const ours = new OurPoc(folder);
const theirs =
  values.nvflare === undefined ? undefined : new NvflarePoc(values.nvflare, join(folder, 'nvflare'));
await ours.run('job create hello --template hello-fedavg-numpy');
await ours.run('job create endless --template hello-fedavg-numpy');
writeFileSync(join(folder, 'endless/client/hello-numpy_fl.ts'), ENDLESS);
const theirJob = await theirs?.makeJob('hello', { rounds: 3 });
for (let turn = 0; turn < Number(values.turns); turn++) {
  await runOurs();
  if (theirs && theirJob !== undefined) await runTheirs(theirs, theirJob);
}
rmSync(folder, { recursive: true, force: true });
print();

async function runOurs(): Promise<void> {
  await ours.prepare(2);
  const whole = await timed(async () => {
    note('poc start until ready', 'ours', (await timed(ours.start)).seconds);
    const job = await timed(async () => ours.wait(await ours.submit('hello')));
    note('hello job, submit to done', 'ours', job.seconds);
    note('stop', 'ours', (await timed(ours.stop)).seconds);
  });
  note('start to stopped', 'ours', whole.seconds);
  await ours.start();
  note(
    'remote command (system status)',
    'ours',
    (await timed(() => ours.run('system status --json'))).seconds,
  );
  note('remote command (job list)', 'ours', (await timed(() => ours.run('job list --json'))).seconds);
  const id = await ours.submit('endless');
  await until(async () => (await ours.run(`job meta ${id} --json`)).includes('"phase":"running"'));
  const abort = await timed(async () => {
    await ours.run(`job abort ${id} --force`);
    await ours.run(`job wait ${id}`).catch(() => undefined);
  });
  note('abort until over', 'ours', abort.seconds);
  const required = await ours.submit('endless');
  await until(async () => (await ours.run(`job meta ${required} --json`)).includes('"phase":"running"'));
  process.kill(ours.pidOf('site-1'), 'SIGKILL');
  const noticed = await timed(() =>
    until(async () => (await ours.run(`job meta ${required} --json`)).includes('site-1 (lost since')),
  );
  note('killed required site is noticed', 'ours', noticed.seconds);
  await ours.stop();
  await ours.run('poc clean --force');
}

async function runTheirs(poc: NvflarePoc, job: string): Promise<void> {
  await poc.prepare();
  const whole = await timed(async () => {
    note('poc start until ready', 'theirs', (await timed(poc.start)).seconds);
    const done = await timed(async () => poc.wait(await poc.submit(job)));
    note('hello job, submit to done', 'theirs', done.seconds);
    note('stop', 'theirs', (await timed(poc.stop)).seconds);
  });
  note('start to stopped', 'theirs', whole.seconds);
  await poc.gone();
  await poc.start();
  note(
    'remote command (system status)',
    'theirs',
    (await timed(() => poc.json(['system', 'status']))).seconds,
  );
  note('remote command (job list)', 'theirs', (await timed(() => poc.json(['job', 'list']))).seconds);
  await poc.stop();
  await poc.gone();
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
}

function note(what: string, whose: 'ours' | 'theirs', seconds: number): void {
  const row = figures.get(what) ?? { ours: [], theirs: [] };
  figures.set(what, row);
  row[whose].push(seconds);
}

function print(): void {
  console.log('| seconds, median | neuroflare | nvflare | times |\n| --- | --- | --- | --- |');
  for (const [what, row] of figures) {
    const [own, other] = [median(row.ours), median(row.theirs)];
    const ratio = row.theirs.length > 0 ? [other.toFixed(1), (other / own).toFixed(1)] : ['', ''];
    console.log(`| ${what} | ${own.toFixed(2)} | ${ratio[0]} | ${ratio[1]} |`);
  }
}

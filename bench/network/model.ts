// A large model through whole rounds: seconds a round and the server's memory; nvflare's beside it.
// usage: node bench/network/model.ts [--megabytes 100] [--clients 2] [--rounds 5] [--nvflare PYTHON]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { median } from '../process-tree.ts';
import { residentOf } from './measure.ts';
import { makeModelJob, writeModel } from './model-job.ts';
import { NvflarePoc } from './nvflare-poc.ts';
import { OurPoc, timed } from './our-poc.ts';

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '100' },
    clients: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    nvflare: { type: 'string' },
  },
});
const clients = Number(values.clients);
const rounds = Number(values.rounds);
const elements = (Number(values.megabytes) * 1_000_000) / 4;
const folder = mkdtempSync(join(tmpdir(), 'bench-model-'));
/** Adds one to every number, as nvflare's client does. */
const SCRIPT = `import * as flare from 'neuroflare/client';
await flare.init();
while (await flare.isRunning()) {
  const { params } = await flare.receive();
  const { dtype, shape, data } = params.numpy_key;
  const metrics = { accuracy: data[0] };
  if (flare.isEvaluate()) { await flare.send({ metrics }); continue; }
  for (let index = 0; index < data.length; index++) data[index] += 1;
  await flare.send({ params: { numpy_key: { dtype, shape, data } }, metrics });
}
`;

try {
  await runOurs();
  if (values.nvflare !== undefined && clients === 2) await runTheirs(values.nvflare);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function runOurs(): Promise<void> {
  const poc = new OurPoc(folder);
  try {
    await measure(poc);
  } finally {
    await poc.run('poc clean --force');
  }
}

async function measure(poc: OurPoc): Promise<void> {
  const model = join(folder, 'start.safetensors');
  writeModel(model, Number(values.megabytes));
  await makeModelJob(folder, { model, clients, rounds, script: SCRIPT });
  await poc.prepare(clients);
  await poc.start();
  const server = poc.pidOf('server');
  await sleep(1000);
  const idle = residentOf(server);
  const peaks: number[] = [];
  const timer = setInterval(() => peaks.push(residentOf(server)), 100);
  const id = await poc.submit('large');
  const seconds = await poc.wait(id);
  clearInterval(timer);
  const { data } = JSON.parse(await poc.run(`job download ${id} --json`)) as { data: { folder: string } };
  const times = roundTimes(join(data.folder, 'events.jsonl'));
  await poc.stop();
  console.log(
    `neuroflare: ${values.megabytes} MB, ${clients} clients, ${rounds} rounds: ${seconds.toFixed(1)} s, ` +
      `${median(times).toFixed(2)} s a round (${times.map((time) => time.toFixed(2)).join(' ')})`,
  );
  const halves = [peaks.slice(0, peaks.length >> 1), peaks.slice(peaks.length >> 1)].map((half) =>
    Math.max(...half),
  );
  console.log(
    `server memory: idle ${idle} MB, at most ${Math.max(...peaks)} MB; first half of the job ${halves[0]}, second half ${halves[1]}`,
  );
}

async function runTheirs(python: string): Promise<void> {
  const poc = new NvflarePoc(python, join(folder, 'nvflare'));
  const model = join(folder, 'start.npy');
  execFileSync(python, [
    '-c',
    `import numpy; numpy.save("${model}", numpy.ones(${elements}, dtype=numpy.float32))`,
  ]);
  const job = await poc.makeJob('large', { rounds, model });
  await poc.prepare();
  await poc.start();
  const { result } = await timed(async () => poc.wait(await poc.submit(job)));
  await poc.stop();
  console.log(
    `nvflare: ${values.megabytes} MB, 2 clients, ${rounds} rounds: ${result.toFixed(1)} s in all, ${(result / rounds).toFixed(2)} s a round with its start`,
  );
}

/** Seconds of training rounds, from opening to close. */
function roundTimes(path: string): number[] {
  const times: number[] = [];
  let opened = 0;
  for (const line of readFileSync(path, 'utf8').trim().split('\n')) {
    const { time, event } = JSON.parse(line) as { time: string; event: { type: string; kind?: string } };
    if (event.type === 'round.opened') opened = Date.parse(time);
    if (event.type === 'round.closed' && event.kind === 'train')
      times.push((Date.parse(time) - opened) / 1000);
  }
  return times;
}

// A model of a gigabyte with many sites: the server's memory over the rounds. The sites move files and compute nothing: what is measured is
// the server. usage: node bench/network/large.ts [--megabytes 1000] [--clients 8] [--rounds 20]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { partsOfTask } from '../../src/runtime/algorithms/task.ts';
import { sha256File } from '../../src/runtime/base/digest.ts';
import { HEADER, POLL_SECONDS } from '../../src/runtime/network/messages/protocol.ts';
import { download } from '../../src/runtime/network/transfer/download.ts';
import { upload } from '../../src/runtime/network/transfer/upload.ts';
import { ProcessFederation } from '../../test/support/process-federation.ts';
import { RawSite } from '../../test/support/raw-site.ts';
import { median } from '../process-tree.ts';
import { residentOf, slope } from './measure.ts';
import { makeModelJob, writeModel } from './model-job.ts';

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '1000' },
    clients: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '20' },
  },
});
const [megabytes, clients, rounds] = [values.megabytes, values.clients, values.rounds].map(Number) as [
  number,
  number,
  number,
];
const folder = mkdtempSync(join(tmpdir(), 'bench-large-'));
const federation = await ProcessFederation.make(folder, { clients });
let isOver = false;

interface Update {
  readonly file: string;
  readonly sha256: string;
  readonly size: number;
}

try {
  const model = join(folder, 'start.safetensors');
  writeModel(model, megabytes);
  federation.start('hub');
  await federation.answers();
  await sleep(1000);
  const server = federation.pid('hub');
  const idle = residentOf(server);
  const id = await federation.submit(await makeModelJob(folder, { model, clients, rounds, script: '' }));
  const memory: { readonly round: number; readonly resident: number }[] = [];
  let opened = performance.now();
  let round = 0;
  const times: number[] = [];
  const updates = await Promise.all(
    Array.from({ length: clients }, (_, index) => makeUpdate(`site-${index + 1}`, index + 2)),
  );
  const sites = await Promise.all(
    Array.from({ length: clients }, (_, index) => RawSite.connect(federation.kits, `site-${index + 1}`)),
  );
  const timer = setInterval(() => memory.push({ round, resident: residentOf(server) }), 200);
  const onRound = (now: number) => {
    if (now === round) return;
    if (round > 0) times.push((performance.now() - opened) / 1000);
    opened = performance.now();
    round = now;
  };
  const working = sites.map((site, index) => work(site, { id, update: updates[index] as Update, onRound }));
  const meta = await federation.wait(id, 7200);
  isOver = true;
  clearInterval(timer);
  await Promise.all(working);
  const peaks = Array.from({ length: rounds }, (_, index) =>
    Math.max(...memory.filter((one) => one.round === index + 1).map(({ resident }) => resident)),
  );
  const { rise, error } = slope(peaks.map((peak, index): [number, number] => [index, peak]).slice(1));
  console.log(
    `${megabytes} MB, ${clients} sites, ${rounds} rounds: ${meta.status}, ${median(times).toFixed(1)} s a round, ` +
      `${((2 * clients * megabytes) / median(times)).toFixed(0)} MB/s through the server`,
  );
  console.log(
    `server memory: idle ${idle} MB, highest of each round ${peaks.join(' ')} MB; ${rise.toFixed(2)} MB a round (standard error ${error.toFixed(2)})`,
  );
} finally {
  await federation.close();
  rmSync(folder, { recursive: true, force: true });
}
process.exit();

/** Fetches each round's model and sends the site's own, always the same one. */
async function work(
  site: RawSite,
  { id, update, onRound }: { id: string; update: Update; onRound: (round: number) => void },
): Promise<void> {
  await site.accept(id);
  const headers = { [HEADER.session]: site.session };
  let seen: string | null = null;
  let busy: Promise<void> | undefined;
  let done = '';
  while (!isOver) {
    const { version, jobs }: Awaited<ReturnType<RawSite['poll']>> = await site.poll(POLL_SECONDS, seen);
    seen = version;
    const task = jobs.find((job) => job.job_id === id)?.task;
    if (!task || busy || done === task.id) continue;
    busy = answer().finally(() => {
      done = task.id;
      busy = undefined;
    });
    async function answer(): Promise<void> {
      if (!task) return;
      const { name, round } = partsOfTask(task.id);
      const { model } = task.inputs;
      if (!model) return;
      onRound(round);
      const target = join(folder, `${site.name}.model`);
      await download(site.connection, {
        path: `/v1/site/jobs/${id}/files/${model.sha256}`,
        headers,
        target,
        ...model,
      });
      if (name === 'evaluate') return void (await site.result(id, { task: task.id }));
      const path = `/v1/site/jobs/${id}/uploads/${update.sha256}`;
      await upload(site.connection, { path, headers, file: update.file, size: update.size });
      const { sha256, size } = update;
      await site.result(id, { task: task.id, update: { sha256, size } });
    }
  }
}

async function makeUpdate(name: string, value: number): Promise<Update> {
  const file = join(folder, `${name}.update`);
  const size = writeModel(file, megabytes, value);
  return { file, sha256: await sha256File(file), size };
}

// Many sites at one server: what it and a client cost while nothing happens, and small rounds a second with all of them.
// usage: node bench/network/many.ts [--idle 500] [--busy 100] [--rounds 20] [--seconds 20]
// The sites speak the protocol in this process: what is measured is the server. One real client beside them tells what a client takes.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { partsOfTask } from '../../src/runtime/algorithms/task.ts';
import { POLL_SECONDS } from '../../src/runtime/network/messages/protocol.ts';
import { writeJob } from '../../test/support/job-folder.ts';
import { RawSite } from '../../test/support/raw-site.ts';
import { cpuSecondsOf, residentOf } from './measure.ts';
import { OurPoc } from './our-poc.ts';

const { values } = parseArgs({
  options: {
    idle: { type: 'string', default: '500' },
    busy: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '20' },
  },
});
const idle = Number(values.idle);
const busy = Number(values.busy);
const rounds = Number(values.rounds);
/** For which idle sites are looked at. */
const seconds = Number(values.seconds);
const folder = mkdtempSync(join(tmpdir(), 'bench-many-'));
const poc = new OurPoc(folder);
let isOver = false;
try {
  await poc.prepare(idle);
  await poc.run(`poc start --service server,site-${idle}`);
  const [server, client] = [poc.pidOf('server'), poc.pidOf(`site-${idle}`)];
  await sleep(2000);
  console.log(`nobody but one client: server ${residentOf(server)} MB, that client ${residentOf(client)} MB`);

  const sites: RawSite[] = [];
  const waits: number[] = [];
  const polls: Promise<void>[] = [];
  for (let number = 1; number < idle; number++) {
    const site = await RawSite.connect({ kit: (name) => join(poc.kits, name) }, `site-${number}`);
    sites.push(site);
    polls.push(keepPolling(site, waits, () => isOver));
  }
  await sleep(5000);
  waits.length = 0;
  const before = cpuSecondsOf(server);
  await sleep(1000 * seconds);
  const share = (cpuSecondsOf(server) - before) / seconds;
  const status = JSON.parse(await poc.run('system status --json')) as {
    data: { sites: { connected: boolean }[] };
  };
  const connected = status.data.sites.filter((site) => site.connected).length;
  console.log(
    `${connected} idle sites: server ${residentOf(server)} MB, ${(100 * share).toFixed(1)} % of one core; ` +
      `a poll of ${POLL_SECONDS} s comes back after ${Math.max(...waits).toFixed(2)} s at the latest`,
  );
  isOver = true;
  await Promise.all(polls);
  await Promise.all(sites.slice(busy).map((site) => site.close()));

  await roundsWith(sites.slice(0, busy), server);
} finally {
  await poc.run('poc stop').catch(() => undefined);
  await poc.run('poc clean --force').catch(() => undefined);
  rmSync(folder, { recursive: true, force: true });
}
process.exit();

async function keepPolling(site: RawSite, waits: number[], isOver: () => boolean): Promise<void> {
  let seen: string | null = null;
  while (!isOver()) {
    const began = performance.now();
    ({ version: seen } = await site.poll(POLL_SECONDS, seen));
    waits.push((performance.now() - began) / 1000);
  }
}

/** A job of a few numbers, answered at once by every site. */
async function roundsWith(sites: readonly RawSite[], server: number): Promise<void> {
  const count = sites.length;
  const names = sites.map(({ name }) => name).join(',');
  await writeJob(join(folder, 'small'), { patch: { workflow: { n_clients: count, num_rounds: rounds } } });
  // Who does not ask is lost, and on a busy machine two commands take longer than the server waits.
  let isSubmitted = false;
  const asking = Promise.all(sites.map((site) => keepPolling(site, [], () => isSubmitted)));
  await poc.run(`study register busy --sites ${names}`);
  const id = await poc.submit('small --study busy');
  isSubmitted = true;
  await asking;
  const params = new Map<string, Awaited<ReturnType<RawSite['model']>>>();
  let finished = false;
  const working = sites.map(async (site) => {
    await site.accept(id);
    let seen: string | null = null;
    while (!finished) {
      const { version, jobs }: Awaited<ReturnType<RawSite['poll']>> = await site.poll(POLL_SECONDS, seen);
      seen = version;
      const own = jobs.find((job) => job.job_id === id);
      if (!own) break;
      if (!own.task) continue;
      const { id: task, inputs } = own.task;
      const { model } = inputs;
      if (!model) continue;
      const known = params.get(model.sha256) ?? (await site.model(id, model.sha256));
      params.set(model.sha256, known);
      if (partsOfTask(task).name === 'evaluate') await site.result(id, { task });
      else await site.result(id, { task, update: await site.upload(id, known) });
    }
  });
  const peaks: number[] = [];
  const peak = setInterval(() => peaks.push(residentOf(server)), 100);
  const work = Promise.all(working);
  try {
    // A site that fails ends the bench: the job would wait for it.
    const took = await Promise.race([poc.wait(id), work.then(() => poc.wait(id))]);
    finished = true;
    await work;
    console.log(
      `${count} sites, ${rounds} rounds and the last evaluation: ${took.toFixed(1)} s, ${(rounds / took).toFixed(2)} rounds a second, ` +
        `${((count * rounds) / took).toFixed(0)} results a second; server at most ${Math.max(...peaks)} MB`,
    );
  } finally {
    clearInterval(peak);
  }
}

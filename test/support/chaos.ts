import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom, type Random } from '../../src/runtime/base/random.ts';
import { isFinished } from '../../src/runtime/network/messages/admin.ts';
import { TINY_SCRIPT, writeJob } from './job-folder.ts';
import { LIMITS } from './limits.ts';
import { ProcessFederation } from './process-federation.ts';
import { simulateQuietly } from './simulate-quietly.ts';

const KILLS_A_JOB = 20;
const ROUNDS = 40;
const SCRIPT = TINY_SCRIPT.replace(
  'const noise =',
  `const kept = flare.loadState() ?? 1;
  flare.saveState((kept * 1.5) % 7);
  await new Promise((resolve) => setTimeout(resolve, flare.seed() % 120));
  const noise = kept *`,
);

export interface Chaos {
  /** For federations and jobs. */
  readonly folder: string;
  readonly kills: number;
  readonly seed: string;
  readonly clients: number;
}

export type Victim = 'server' | 'client' | 'job process';

export interface Kill {
  readonly victim: Victim;
  /** Seconds from the kill until the job's log had a new record. */
  readonly recovery: number;
}

export interface Outcome {
  readonly kills: Kill[];
  /** Results that were acknowledged and are not in the log any more. */
  readonly lost: number;
  readonly sameBytes: boolean;
  readonly status: string;
}

/** Kills processes of one federation after another at random moments while jobs run; tells of each job when it is over. */
export async function* chaos(plan: Chaos): AsyncGenerator<Outcome> {
  const wanted = await expectedModel(plan);
  for (let left = plan.kills, run = 0; left > 0; left -= KILLS_A_JOB, run++) {
    yield await disturbedJob(join(plan.folder, `run-${run}`), {
      random: createRandom('chaos', plan.seed, run),
      wanted,
      kills: Math.min(left, KILLS_A_JOB),
      clients: plan.clients,
    });
  }
}

async function expectedModel({ folder, clients }: Chaos): Promise<Buffer> {
  const run = await simulateQuietly(await makeJob(join(folder, 'expected'), clients), {
    workspace: join(folder, 'work'),
    clients,
  });
  return readFileSync(join(run, 'model.safetensors'));
}

function makeJob(path: string, clients: number): Promise<string> {
  return writeJob(path, { script: SCRIPT, patch: { workflow: { n_clients: clients, num_rounds: ROUNDS } } });
}

async function disturbedJob(
  root: string,
  {
    random,
    wanted,
    kills: count,
    clients,
  }: { random: Random; wanted: Buffer; kills: number; clients: number },
): Promise<Outcome> {
  const federation = await ProcessFederation.make(root, { clients });
  try {
    await federation.startAll(clients);
    const id = await federation.submit(await makeJob(join(root, 'job'), clients));
    const kills: Kill[] = [];
    const acknowledged = new Set<string>();
    while (kills.length < count) {
      await sleep(random.next() * 800);
      const before = await resultsOf(federation, id);
      for (const result of before.results) acknowledged.add(result);
      if (before.over) break;
      const victim = await killOne(federation, { random, clients });
      if (victim === undefined) continue;
      kills.push({ victim, recovery: await recovery(federation, { id, after: before.records }) });
    }
    const meta = await federation.wait(id, LIMITS.longJob);
    const { results } = await resultsOf(federation, id);
    const lost = [...acknowledged].filter((result) => !results.has(result)).length;
    const sameBytes = meta.status === 'FINISHED:COMPLETED' && federation.model(id).equals(wanted);
    return { kills, lost, sameBytes, status: meta.status };
  } finally {
    await federation.close();
  }
}

/** Of half of the kills the server is the victim. */
async function killOne(
  federation: ProcessFederation,
  { random, clients }: { random: Random; clients: number },
): Promise<Victim | undefined> {
  const dice = random.next();
  const site = `site-${1 + random.int(clients)}`;
  if (dice < 0.5) {
    await federation.kill('hub');
    federation.start('hub');
    return 'server';
  }
  if (dice < 0.85) {
    await federation.kill(site);
    federation.start(site);
    return 'client';
  }
  const pid = federation.jobProcess(site);
  if (pid === undefined) return undefined;
  try {
    process.kill(pid, 'SIGKILL');
    return 'job process';
  } catch {
    return undefined;
  }
}

async function recovery(
  federation: ProcessFederation,
  { id, after }: { id: string; after: number },
): Promise<number> {
  const began = performance.now();
  for (;;) {
    const now = await resultsOf(federation, id);
    if (now.records > after || now.over) return (performance.now() - began) / 1000;
    if (performance.now() - began > LIMITS.moment * 1000) throw new Error(`The job ${id} does not go on.`);
    await sleep(25);
  }
}

/** The accepted results in the job's log, of an answering server. */
async function resultsOf(federation: ProcessFederation, id: string) {
  for (;;) {
    try {
      const results = new Set<string>();
      let after = 0;
      for (;;) {
        const { events, next, meta } = await federation.admin.events(id, { after, waitSeconds: 0 });
        for (const { event } of events) {
          if (event.type !== 'result.accepted') continue;
          const { model } = event.result.files;
          results.add(`${event.task} ${model?.sha256 ?? ''}`);
        }
        if (next === after) return { results, records: after, over: isFinished(meta.status) };
        after = next;
      }
    } catch {
      await sleep(25);
    }
  }
}

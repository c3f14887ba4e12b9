import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom, type Random } from '../../src/runtime/base/random.ts';
import { isFinished } from '../../src/runtime/network/messages/admin.ts';
import { CHAOS_WORKFLOWS, type ChaosWorkflow } from './chaos-workflows.ts';
import { writeJob } from './job-folder.ts';
import { LIMITS } from './limits.ts';
import { ProcessFederation } from './process-federation.ts';

const KILLS_A_JOB = 20;
const ROUNDS = 40;

export interface Chaos {
  /** For federations and jobs. */
  readonly folder: string;
  readonly kills: number;
  readonly seed: string;
  readonly clients: number;
  /** Job after job is of the next one. */
  readonly workflows: readonly ChaosWorkflow[];
}

export type Victim = 'server' | 'client' | 'job process';

export interface Kill {
  readonly victim: Victim;
  /** Seconds from the kill until the job's log had a new record. */
  readonly recovery: number;
}

export interface Outcome {
  readonly workflow: ChaosWorkflow;
  readonly kills: Kill[];
  /** Results that were acknowledged and are not in the log any more. */
  readonly lost: number;
  /** Whether the model is the one of an undisturbed run. */
  readonly sameModel: boolean;
  readonly status: string;
}

/** Kills processes of one federation after another at random moments while jobs run; tells of each job when it is over. */
export async function* chaos(plan: Chaos): AsyncGenerator<Outcome> {
  for (let left = plan.kills, run = 0; left > 0; left -= KILLS_A_JOB, run++) {
    const workflow = plan.workflows[run % plan.workflows.length];
    if (workflow === undefined) throw new Error('Chaos needs a workflow.');
    yield await disturbedJob(join(plan.folder, `run-${run}`), {
      random: createRandom('chaos', plan.seed, run),
      workflow,
      kills: Math.min(left, KILLS_A_JOB),
      clients: plan.clients,
    });
  }
}

async function disturbedJob(
  root: string,
  {
    random,
    workflow,
    kills: count,
    clients,
  }: { random: Random; workflow: ChaosWorkflow; kills: number; clients: number },
): Promise<Outcome> {
  const federation = await ProcessFederation.make(root, { clients });
  try {
    await federation.startAll(clients);
    const { script, options, isUndisturbed } = CHAOS_WORKFLOWS[workflow];
    const patch = { workflow: { type: workflow, n_clients: clients, num_rounds: ROUNDS, ...options } };
    const job = await writeJob(join(root, 'job'), { script, patch });
    const id = await federation.submit(job);
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
    const isWhole = meta.status === 'FINISHED:COMPLETED';
    const sameModel = isWhole && (await isUndisturbed({ job, id, federation, clients }));
    return { workflow, kills, lost, sameModel, status: meta.status };
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

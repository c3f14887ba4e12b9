import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom, type Random } from '../../src/runtime/base/random.ts';
import { clientFolder, WORK_IN_KIT } from '../../src/runtime/deployment/client/memory/client-folder.ts';
import { isFinished, type JobMeta } from '../../src/runtime/network/messages/admin.ts';
import { CHAOS_WORKFLOWS, type ChaosWorkflow } from './chaos-workflows.ts';
import { writeJob } from './job-folder.ts';
import { LIMITS } from './limits.ts';
import { ProcessFederation } from './process-federation.ts';

const KILLS_A_JOB = 20;
const ROUNDS = 40;
/** Who is chosen, who answers, the answers of three sites, what is made of them and the end: of a round at least. */
const RECORDS_A_ROUND = 8;
/** Of one process while what it does has not moved on. */
const KILLS_IN_ONE = 2;
const SERVER = 'hub';
/** Of the end of a site's log. */
const LINES = 10;

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
  /** Of a job that did not complete: what ended it, who was killed when, and what its sites have to say. */
  readonly why: readonly string[];
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

interface Disturbed {
  readonly federation: ProcessFederation;
  /** Of the job. */
  readonly id: string;
  readonly clients: number;
  readonly random: Random;
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
    const disturbed = { federation, id, clients, random };
    const { kills, acknowledged } = await disturb(disturbed, count);
    const meta = await federation.wait(id, LIMITS.longJob);
    const { results } = await progressOf(disturbed);
    const lost = [...acknowledged].filter((result) => !results.has(result)).length;
    const isWhole = meta.status === 'FINISHED:COMPLETED';
    const sameModel = isWhole && (await isUndisturbed({ job, id, federation, clients }));
    const why = isWhole ? [] : whyOf(meta, disturbed, kills);
    return { workflow, kills, lost, sameModel, status: meta.status, why };
  } finally {
    await federation.close();
  }
}

async function disturb(job: Disturbed, count: number) {
  const kills: Kill[] = [];
  const acknowledged = new Set<string>();
  const spared = new Spared();
  while (kills.length < count) {
    await aMoment(job);
    const before = await progressOf(job);
    for (const result of before.results) acknowledged.add(result);
    if (before.over) break;
    const victim = await killOne(job, (process) => spared.isTurnOf(process, before));
    if (victim !== undefined) kills.push({ victim, recovery: await recovery(job, before.records) });
  }
  return { kills, acknowledged };
}

/** Up to 0.8 s, but no more than about a round: of a machine that is fast there are rounds left for all kills. */
async function aMoment(job: Disturbed): Promise<void> {
  const ends = performance.now() + job.random.next() * 800;
  const { records } = await progressOf(job);
  while (performance.now() < ends && (await progressOf(job)).records < records + RECORDS_A_ROUND)
    await sleep(25);
}

/**
 * A step in which a server ends four times, and a task that is begun five times, are given up, whatever has ended them: so much is no chaos. What has
 * moved on at the moment of a kill is seen at the next one, so that one kill more may meet the same step.
 */
class Spared {
  readonly #killed = new Map<string, { readonly moved: number; readonly times: number }>();

  /** Counts one kill, unless the process was killed so often since what it does has moved on. */
  isTurnOf(process: string, { models, answers }: Progress): boolean {
    const moved = process === SERVER ? models : (answers.get(process) ?? 0);
    const known = this.#killed.get(process);
    const times = known?.moved === moved ? known.times : 0;
    if (times === KILLS_IN_ONE) return false;
    this.#killed.set(process, { moved, times: times + 1 });
    return true;
  }
}

function whyOf({ error, first_failure: first }: JobMeta, job: Disturbed, kills: readonly Kill[]): string[] {
  const said = [error, first?.error].flatMap((one) => (one ? [`${one.code}: ${one.message}`] : []));
  return [...said, `killed: ${kills.map(({ victim }) => victim).join(', ')}`, ...storyOf(job)];
}

/** What the processes have said last. */
function storyOf({ federation, id, clients }: Disturbed): string[] {
  const end = (text: string) => text.trim().split('\n').slice(-LINES).join('\n');
  const sites = Array.from({ length: clients }, (_, at) => `site-${at + 1}`).map((site) => {
    const { log } = clientFolder(join(federation.kits.kit(site), WORK_IN_KIT)).job(id);
    const lines = existsSync(log) ? readFileSync(log, 'utf8') : 'no log';
    return `${site}: ${end(lines)}\n${end(federation.output(site))}`;
  });
  return [...sites, `server: ${end(federation.output(SERVER))}`];
}

/** Of half of the kills the server is the victim. */
async function killOne(
  { federation, clients, random }: Disturbed,
  isTurnOf: (process: string) => boolean,
): Promise<Victim | undefined> {
  const dice = random.next();
  const site = `site-${1 + random.int(clients)}`;
  if (dice < 0.85) {
    const name = dice < 0.5 ? SERVER : site;
    if (!isTurnOf(name)) return undefined;
    await federation.kill(name);
    federation.start(name);
    return dice < 0.5 ? 'server' : 'client';
  }
  const pid = federation.jobProcess(site);
  if (pid === undefined || !isTurnOf(site)) return undefined;
  try {
    process.kill(pid, 'SIGKILL');
    return 'job process';
  } catch {
    return undefined;
  }
}

async function recovery(job: Disturbed, after: number): Promise<number> {
  const began = performance.now();
  for (;;) {
    const now = await progressOf(job);
    if (now.records > after || now.over) return (performance.now() - began) / 1000;
    if (performance.now() - began > LIMITS.moment * 1000)
      throw new Error(`The job ${job.id} does not go on.`);
    await sleep(25);
  }
}

interface Progress {
  /** The accepted results in the job's log. */
  readonly results: ReadonlySet<string>;
  /** How many of each site. */
  readonly answers: ReadonlyMap<string, number>;
  /** That were made. */
  readonly models: number;
  readonly records: number;
  readonly over: boolean;
}

/** By the log of the job, of an answering server. */
async function progressOf({ federation, id }: Disturbed): Promise<Progress> {
  for (;;) {
    try {
      const results = new Set<string>();
      const answers = new Map<string, number>();
      let models = 0;
      let after = 0;
      for (;;) {
        const { events, next, meta } = await federation.admin.events(id, { after, waitSeconds: 0 });
        for (const { event } of events) {
          if (event.type === 'model.made') models++;
          if (event.type !== 'result.accepted') continue;
          const { site, files } = event.result;
          results.add(`${event.task} ${files.model?.sha256 ?? ''}`);
          answers.set(site, (answers.get(site) ?? 0) + 1);
        }
        if (next === after)
          return { results, answers, models, records: after, over: isFinished(meta.status) };
        after = next;
      }
    } catch {
      await sleep(25);
    }
  }
}

// Kills server, clients and job processes of a federation at random moments, again and again, and looks whether anything
// that was acknowledged is lost.   usage: npm run chaos -- --kills 300 [--seed 1] [--clients 3]
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createRandom, type Random } from '../src/runtime/kernel/random.ts';
import { simulate } from '../src/runtime/simulator/simulate.ts';
import { isFinished } from '../src/runtime/wire/admin.ts';
import { TINY_SCRIPT, writeJob } from '../test/support/job-folder.ts';
import { ProcessFederation } from '../test/support/process-federation.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    clients: { type: 'string', default: '3' },
  },
});
const KILLS_A_JOB = 20;
const ROUNDS = 40;
const SCRIPT = TINY_SCRIPT.replace(
  'const noise =',
  `const kept = flare.loadState() ?? 1;
  flare.saveState((kept * 1.5) % 7);
  await new Promise((resolve) => setTimeout(resolve, flare.seed() % 120));
  const noise = kept *`,
);

type Victim = 'server' | 'client' | 'job process';

interface Kill {
  readonly victim: Victim;
  /** Seconds from the kill until the job's log had a new record. */
  readonly recovery: number;
}

interface Outcome {
  readonly kills: Kill[];
  /** Results that were acknowledged and are not in the log any more. */
  readonly lost: number;
  readonly sameBytes: boolean;
  readonly status: string;
}

const clients = Number(values.clients);
const folder = mkdtempSync(join(tmpdir(), 'neuroflare-chaos-'));
process.exitCode = 1;
try {
  const outcomes: Outcome[] = [];
  const wanted = await expectedModel();
  for (let left = Number(values.kills), run = 0; left > 0; left -= KILLS_A_JOB, run++) {
    const random = createRandom('chaos', values.seed, run);
    const outcome = await disturbedJob(join(folder, `run-${run}`), {
      random,
      wanted,
      kills: Math.min(left, KILLS_A_JOB),
    });
    outcomes.push(outcome);
    const { kills, lost, sameBytes, status } = outcome;
    console.log(
      `job ${run + 1}: ${kills.length} kills, ${status}, ${lost} lost, ${sameBytes ? 'same bytes' : 'OTHER BYTES'}`,
    );
  }
  report(outcomes);
  if (outcomes.every(({ lost, sameBytes }) => lost === 0 && sameBytes)) process.exitCode = 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function expectedModel(): Promise<Buffer> {
  const { run_folder: run } = await simulate({
    job: await makeJob(join(folder, 'expected')),
    workspace: join(folder, 'work'),
    flags: { clients },
    overrides: [],
    maxClients: 100,
    engine: { choice: 'cpu', gpu: undefined, requireGpu: false },
    observe: () => undefined,
    onLog: () => undefined,
    signal: new AbortController().signal,
  });
  return readFileSync(join(run, 'model.safetensors'));
}

function makeJob(path: string): Promise<string> {
  return writeJob(path, { script: SCRIPT, patch: { workflow: { n_clients: clients, num_rounds: ROUNDS } } });
}

async function disturbedJob(
  root: string,
  { random, wanted, kills: count }: { random: Random; wanted: Buffer; kills: number },
): Promise<Outcome> {
  const federation = await ProcessFederation.make(root, { clients });
  try {
    await federation.startAll(clients);
    const id = await federation.submit(await makeJob(join(root, 'job')));
    const kills: Kill[] = [];
    const acknowledged = new Set<string>();
    while (kills.length < count) {
      await sleep(random.next() * 800);
      const before = await resultsOf(federation, id);
      for (const result of before.results) acknowledged.add(result);
      if (before.over) break;
      const victim = await killOne(federation, random);
      if (victim === undefined) continue;
      kills.push({ victim, recovery: await recovery(federation, { id, after: before.records }) });
    }
    const meta = await federation.wait(id, 300);
    const { results } = await resultsOf(federation, id);
    const lost = [...acknowledged].filter((result) => !results.has(result)).length;
    const sameBytes = meta.status === 'FINISHED:COMPLETED' && federation.model(id).equals(wanted);
    return { kills, lost, sameBytes, status: meta.status };
  } finally {
    await federation.close();
  }
}

/** Of half of the kills the server is the victim. */
async function killOne(federation: ProcessFederation, random: Random): Promise<Victim | undefined> {
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
    if (performance.now() - began > 120_000) throw new Error(`The job ${id} does not go on.`);
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
          const { site, update } = event.result as { site: string; update?: { sha256: string } };
          results.add(`${String(event.round)} ${site} ${update?.sha256 ?? ''}`);
        }
        if (next === after) return { results, records: after, over: isFinished(meta.status) };
        after = next;
      }
    } catch {
      await sleep(25);
    }
  }
}

function report(outcomes: readonly Outcome[]): void {
  const kills = outcomes.flatMap((outcome) => outcome.kills);
  console.log(
    '\n| victim | kills | recovery, median (s) | recovery, longest (s) |\n| --- | --- | --- | --- |',
  );
  for (const victim of ['server', 'client', 'job process'] as const) {
    const times = kills
      .filter((kill) => kill.victim === victim)
      .map((kill) => kill.recovery)
      .sort((a, b) => a - b);
    const median = times[Math.floor(times.length / 2)] ?? 0;
    console.log(`| ${victim} | ${times.length} | ${median.toFixed(2)} | ${(times.at(-1) ?? 0).toFixed(2)} |`);
  }
  const lost = outcomes.reduce((sum, outcome) => sum + outcome.lost, 0);
  const same = outcomes.filter(({ sameBytes }) => sameBytes).length;
  console.log(
    `\n${kills.length} kills in ${outcomes.length} jobs: ${lost} acknowledged results lost, ${same} of ${outcomes.length} models with the expected bytes`,
  );
}

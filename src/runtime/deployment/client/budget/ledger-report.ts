import { existsSync } from 'node:fs';
import { z } from 'zod';
import { partsOfTask, taskId } from '../../../algorithms/task.ts';
import { sum } from '../../../base/sum.ts';
import { SUMMED } from '../../../job/secure-tasks.ts';
import type { Reservation, Spending } from '../../../privacy/spending.ts';
import { readSitePolicy } from '../../../security/kit/local-files.ts';
import { openKit } from '../../../security/kit/open.ts';
import { logKey } from '../../../security/log-key.ts';
import { readChainedLog, verifyChainedLog } from '../../../security/logs/chained-log.ts';
import type { EgressKind } from '../ledger/egress-ledger.ts';
import type { ClientFolder } from '../memory/client-folder.ts';
import { type LedgerPlace, readLedger } from './privacy-ledger.ts';
import { ledgerPlace } from './site-privacy.ts';

const epsilon = z.number().nullable().describe('null: without end');

/** What people at a site have lost to private jobs. */
export const privacyLedgerSchema = z.object({
  ledger: z.string(),
  site: z.string(),
  budget: z.object({
    epsilon: z.number(),
    delta: z.number(),
    per_job_epsilon: z.number().nullable(),
    required: z.boolean().describe('whether private jobs alone are taken'),
  }),
  spent: epsilon.describe('epsilon of all jobs together, at the delta of the budget; what is open counts'),
  left: z.number().describe('of the budget; jobs come to less than the sum of what each comes to alone'),
  jobs: z.array(
    z.object({
      job: z.string(),
      name: z.string(),
      epsilon: epsilon.describe('of this job alone, at the delta of the budget'),
      steps: z.int().describe('that were charged or are open'),
      charged: z.int().describe('answers that were paid for'),
      open: z.int().describe('set apart for tasks that go on'),
      given_back: z.int().describe('of tasks of which nothing left'),
      last: z.string().nullable().describe('when it last had something set apart'),
    }),
  ),
});
export type PrivacyLedgerReport = z.output<typeof privacyLedgerSchema>;

export const privacyFindingsSchema = z.object({
  ledger: z.string(),
  entries: z.int(),
  answers: z.int().describe('updates of private jobs that left, by the egress ledger'),
  findings: z.array(z.object({ where: z.string(), problem: z.string() })),
});
export type PrivacyFindings = z.output<typeof privacyFindingsSchema>;

interface Place {
  readonly kitDir: string;
  readonly folder: ClientFolder;
}

/** @throws NF_PRIVACY_LEDGER_* of a ledger that is not as it was left */
export async function reportLedger(
  { kitDir, folder }: Place,
  { job: wanted }: { readonly job?: string | undefined } = {},
): Promise<PrivacyLedgerReport> {
  const kit = await openKit(kitDir, 'client');
  const place = ledgerPlace(kit.dir, folder, kit.identity.name);
  const { spending, fault } = await readLedger(place, logKey(kit).isSigned);
  if (fault) throw fault;
  const { privacy: rules } = await readSitePolicy(kitDir);
  const times = await timesOf(place);
  const jobs = [...new Set(spending.reservations.map(({ job }) => job))];
  const spent = spending.epsilon(rules.delta);
  return {
    ledger: place.ledger,
    site: place.site,
    budget: {
      epsilon: rules.epsilon,
      delta: rules.delta,
      per_job_epsilon: rules.per_job_epsilon ?? null,
      required: rules.require,
    },
    spent: finite(spent),
    left: Math.max(0, rules.epsilon - spent),
    jobs: jobs
      .filter((job) => wanted === undefined || job.startsWith(wanted))
      .map((job) => ({ ...jobLine(job, spending, rules.delta), last: times.get(job) ?? null })),
  };
}

function jobLine(job: string, spending: Spending, delta: number) {
  const isOwn = (one: Reservation) => one.job === job;
  const own = spending.reservations.filter(isOwn);
  const having = (state: Reservation['state']) => own.filter((one) => one.state === state);
  const paid = own.filter(({ state }) => state !== 'void');
  return {
    job,
    name: own.at(-1)?.name ?? '',
    epsilon: finite(spending.epsilon(delta, [], isOwn)),
    steps: sum(paid.flatMap(({ spends }) => spends.map(({ steps }) => steps))),
    charged: having('charged').length,
    open: having('open').length,
    given_back: having('void').length,
  };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** When a job last had something set apart. */
async function timesOf({ ledger }: LedgerPlace): Promise<ReadonlyMap<string, string>> {
  const times = new Map<string, string>();
  if (!existsSync(ledger)) return times;
  for await (const { what, job, time } of readChainedLog(ledger))
    if (what === 'reserve') times.set(String(job), String(time));
  return times;
}

/**
 * Looks whether the ledger is whole and this site's, and whether all that left of private jobs was charged once: by the SHA-256 of each update,
 * and for every other answer by its task.
 */
export async function verifyPrivacy({ kitDir, folder }: Place): Promise<PrivacyFindings> {
  const kit = await openKit(kitDir, 'client');
  const place = ledgerPlace(kit.dir, folder, kit.identity.name);
  const { isSigned } = logKey(kit);
  const { spending, fault } = await readLedger(place, isSigned);
  const chain = existsSync(place.ledger) ? await verifyChainedLog(place.ledger, isSigned) : undefined;
  const { left, uncharged } = await leftOf(folder, spending);
  const lines = (chain?.findings ?? []).map(({ line, problem }) => ({
    where: line === 0 ? place.ledger : `${place.ledger}:${line}`,
    problem,
  }));
  return {
    ledger: place.ledger,
    entries: chain?.entries ?? 0,
    answers: left,
    findings: [
      ...(fault ? [{ where: place.ledger, problem: `${fault.code}: ${fault.message}` }, ...lines] : []),
      ...uncharged.map((problem) => ({ where: folder.egress, problem })),
    ],
  };
}

const MASKED = 'masked update' satisfies EgressKind;

/** The task whose update has masks on it. */
function trainingOf(task: string): string {
  return taskId({ ...partsOfTask(task), name: SUMMED });
}

const left = z.looseObject({
  what: z.string(),
  job: z.string(),
  task: z.string(),
  sha256: z.string().optional(),
});

/** What of private jobs has left, by the egress ledger, and what of it has no charge. */
async function leftOf({ egress }: ClientFolder, { reservations }: Spending) {
  const charged = reservations.filter(({ state }) => state === 'charged');
  const digests = new Map<string, number>();
  for (const { job, files = {} } of charged)
    for (const digest of Object.values(files))
      digests.set(`${job} ${digest}`, (digests.get(`${job} ${digest}`) ?? 0) + 1);
  const jobs = new Set(reservations.map(({ job }) => job));
  const tasks = new Set(charged.map(({ job, task }) => `${job} ${task}`));
  const priced = new Set(reservations.map(({ job, task }) => `${job} ${task}`));
  const seen = new Set<string>();
  const uncharged = new Set<string>();
  if (!existsSync(egress)) return { left: 0, uncharged: [] };
  for await (const line of readChainedLog(egress)) {
    const { success, data } = left.safeParse(line);
    if (!success || !jobs.has(data.job)) continue;
    const { job, task, what, sha256 } = data;
    if (what === MASKED) {
      if (sha256 !== undefined) seen.add(sha256);
      // It says nothing without its masks: what is in it was charged when the training of its round was.
      if (!tasks.has(`${job} ${trainingOf(task)}`))
        uncharged.add(`${what} of ${task} of the job ${job} left without a charge`);
    } else if (sha256 !== undefined) {
      seen.add(sha256);
      const times = digests.get(`${job} ${sha256}`) ?? 0;
      if (times !== 1) uncharged.add(`${what} ${sha256} of ${task} of the job ${job} has ${times} charges`);
    } else if (priced.has(`${job} ${task}`) && !tasks.has(`${job} ${task}`))
      uncharged.add(`${what} of ${task} of the job ${job} left without a charge`);
  }
  return { left: seen.size, uncharged: [...uncharged] };
}

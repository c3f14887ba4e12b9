import { flError } from '../../../base/errors/errors.ts';
import { compareSites } from '../../../base/site-order.ts';
import { counted } from '../../../base/text/counted.ts';
import { timeText } from '../../../base/text/time-text.ts';
import { atNextRing } from '../../../base/threads/bell.ts';
import type { Waiting } from '../../../federation/open-round.ts';
import {
  isFinished,
  type JobEvents,
  type JobMeta,
  type JobStats,
  type WaitingFor,
} from '../../../network/messages/admin.ts';
import { lastExchange, type RunHistory } from '../../../run/history.ts';
import { RUN_EVENTS } from '../../../run/stored-event.ts';
import type { JobRecord, ServerStore } from '../../store/server-store.ts';
import type { SiteRegistry } from '../sites/site-registry.ts';
import type { JobRun } from './job-run.ts';
import type { JobScheduler } from './job-scheduler.ts';
import { readableMeta } from './readable-meta.ts';
import { watchedEvent } from './shown-event.ts';

export interface JobViewDeps {
  readonly scheduler: Pick<JobScheduler, 'find' | 'reasonOf'>;
  readonly registry: SiteRegistry;
  readonly store: Pick<ServerStore, 'job' | 'decisions' | 'events'>;
}

/** A job as it is now. @throws NF_JOB_UNKNOWN */
export async function currentRecord(
  { scheduler, store }: Pick<JobViewDeps, 'scheduler' | 'store'>,
  id: string,
): Promise<JobRecord> {
  const known = scheduler.find(id)?.record ?? (await store.job(id));
  if (known) return known;
  throw flError('NF_JOB_UNKNOWN', { job: id, nearest: '' });
}

/** All of a job that its owner may ask for. */
export async function metaOf(deps: JobViewDeps, record: JobRecord): Promise<JobMeta> {
  const run = deps.scheduler.find(record.id);
  const now = run?.record ?? record;
  const { id, name, study, submitter, submitted, started, ended, status } = now;
  const workflow = run?.job.definition.workflow;
  const progress = progressOf(now, run?.training.history);
  const end = ended === undefined ? Date.now() : Date.parse(ended);
  const meta: JobMeta = {
    job_id: id,
    name,
    study,
    status,
    submitter: {
      name: submitter.name,
      org: submitter.org,
      ...(submitter.role !== undefined && { role: submitter.role }),
    },
    submitted,
    started: started ?? null,
    ended: ended ?? null,
    seconds: started === undefined ? null : Math.max(0, end - Date.parse(started)) / 1000,
    num_rounds: now.numRounds,
    min_clients: now.minClients ?? workflow?.minClients ?? null,
    metric: now.keyMetric,
    ...progress,
    sites: await sitesOf(deps, { record: now, run }),
    waiting: isFinished(status) ? null : waitingFor(deps, run),
    error: now.error ?? null,
    cloned_from: now.clonedFrom ?? null,
    ...(now.resumed && { resumed: [...now.resumed] }),
    initial_model: now.initialModel ?? null,
    bundle_sha256: now.bundleSha256,
    code_sha256: now.codeSha256,
  };
  return readableMeta(meta, now.damaged?.parts);
}

function progressOf(
  record: JobRecord,
  history: RunHistory | undefined,
): Pick<JobMeta, 'round' | 'best' | 'first_failure'> {
  if (record.outcome && !history)
    return {
      round: record.outcome.round,
      best: record.outcome.best,
      first_failure: record.outcome.firstFailure,
    };
  const { position, best, failures = [] } = history ?? {};
  return {
    round: position?.round ?? 0,
    best: best ? { model: best.round, value: best.value } : null,
    first_failure: failures[0] ?? null,
  };
}

async function sitesOf(
  { registry, store }: JobViewDeps,
  { record, run }: { record: JobRecord; run: JobRun | undefined },
): Promise<JobMeta['sites']> {
  const decisions = run ? run.offers.decisions() : await store.decisions(record.id);
  const answers = new Map(decisions.map((decision) => [decision.site, decision]));
  const asked = run ? registry.sessions().filter(({ site }) => run.asks(site)) : [];
  const names = [...new Set([...answers.keys(), ...asked.map(({ site }) => site)])].sort(compareSites);
  return names.map((site) => {
    const session = registry.get(site);
    const { phase, trouble } = session?.jobs.find(({ job_id: id }) => id === record.id) ?? {};
    const decision = answers.get(site);
    const since = run?.channel.since(site) ?? (session ? undefined : registry.lostSince(site));
    const progress = run?.channel.progress(site);
    const rounds = run?.training.history
      ? (run.training.history.rounds.get(site) ?? 0)
      : record.outcome?.rounds?.[site];
    return {
      site,
      answer: decision?.answer ?? 'offered',
      ...(decision?.reason && { reason: decision.reason }),
      connected: session !== undefined,
      ...(trouble && { trouble }),
      ...(phase && { phase }),
      ...(rounds !== undefined && decision?.answer === 'accepted' && { rounds }),
      ...(since !== undefined && { since }),
      ...(progress && { progress }),
    };
  });
}

/** Why nothing has happened yet, so that nobody has to guess. */
function waitingFor(deps: JobViewDeps, run: JobRun | undefined): WaitingFor | null {
  if (!run) return null;
  const { record, trouble } = run;
  const since = record.started ?? record.submitted;
  if (trouble) {
    const { error, since: began } = trouble;
    return { what: `the server's machine: ${error.message}`, sites: [], since: began, rule: error.hint };
  }
  const reason = deps.scheduler.reasonOf(record.id);
  if (record.status === 'SUBMITTED')
    return { what: reason ?? 'its turn', sites: [], since, rule: 'first come, first served' };
  if (record.status === 'DISPATCHED') return waitingForAnswers(run, since);
  const round = run.training.waiting;
  if (round && round.outstanding.length > 0) return waitingForRound(deps, run, round);
  return waitingForServer(run) ?? waitingForMembers(deps, run, run.training.movedAt ?? since);
}

function waitingForAnswers(run: JobRun, since: string): WaitingFor {
  const { offers } = run;
  const pending = offers.decisions().filter(({ answer }) => answer === 'waiting for approval');
  const waiting = pending.map(({ site }) => site);
  const refused = offers.decisions().filter(({ answer }) => answer === 'refused');
  const stuck = run.stuck();
  const parts = [
    ...(waiting.length > 0 ? [`approval of its code at ${waiting.join(', ')}`] : []),
    ...[...stuck].map(([site, { message }]) => `${site} (${message})`),
    ...refused.map(
      ({ site, reason }) =>
        `another site than ${site}, which refused it (${reason?.message ?? 'no reason given'})`,
    ),
  ];
  const rest =
    offers.accepted().length > 0 && offers.isEnough() ? 'late sites, or its turn' : 'sites to take it';
  const what = parts.length > 0 ? parts.join(', ') : rest;
  const sites = [...waiting, ...stuck.keys()];
  return { what, sites, since, rule: `${offers.accepted().length} of ${offers.least()} have accepted` };
}

/** All have answered: the server makes of it what the next round begins with. */
function waitingForServer({ training: { history, movedAt } }: JobRun): WaitingFor | null {
  const open = history && lastExchange(history)?.opened;
  if (!open || movedAt === undefined) return null;
  const { round, name } = open;
  const what = name === 'train' ? `averaging of round ${round}` : 'the figures of the final model';
  return { what, round, sites: [], since: movedAt, rule: 'all that are waited for have answered' };
}

/** Between rounds: not enough sites are there to open the next one. */
function waitingForMembers({ registry }: JobViewDeps, run: JobRun, since: string): WaitingFor {
  const absent = run.offers.accepted().filter((site) => !registry.get(site));
  const asking = run.offers.taking().filter((site) => run.offers.answerOf(site) === 'waiting for approval');
  const parts = [
    ...(asking.length > 0 ? [`approval of its code at ${asking.join(', ')}`] : []),
    ...(absent.length > 0 ? [`${absent.join(', ')} to come back`] : []),
  ];
  return {
    what: parts.join(', ') || 'the next round',
    sites: [...asking, ...absent],
    since,
    rule: `a round opens with ${counted(run.record.minClients ?? run.offers.least(), 'site')}`,
  };
}

function waitingForRound({ registry }: JobViewDeps, run: JobRun, waiting: Waiting): WaitingFor {
  const { round, answered, rules, quorumEnds, members } = waiting;
  const outstanding = [...waiting.outstanding];
  const since =
    outstanding.flatMap((site) => run.channel.since(site) ?? []).sort()[0] ?? new Date().toISOString();
  const lost = outstanding.filter((site) => !registry.get(site));
  const stuck = run.stuck();
  const names = outstanding.map((site) => {
    const lostSince = registry.lostSince(site);
    if (lost.includes(site))
      return `${site} (lost since ${lostSince === undefined ? 'the server started' : timeText(lostSince)})`;
    const trouble = stuck.get(site);
    return trouble ? `${site} (${trouble.message})` : site;
  });
  const what = names.join(', ');
  const { minClients, waitTimeAfterMinReceived, target, mandatory = [] } = rules;
  const rule = [
    `${answered.length} of ${members.length} have answered`,
    target === undefined ? `${minClients} are needed` : `the first ${target} count`,
    ...(mandatory.length > 0 ? [`${mandatory.join(', ')} among them`] : []),
    ...(waitTimeAfterMinReceived === undefined ? [] : [`then ${waitTimeAfterMinReceived} s`]),
  ].join(', ');
  const ends = quorumEnds === undefined ? {} : { ends: new Date(quorumEnds).toISOString() };
  return { what, round, sites: outstanding, since, rule, ...ends };
}

/** Does work when the asker's turn has come. */
type InTurn = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** What happened after a number, as soon as there is something, or after `wait_seconds`. */
export async function eventsAfter(
  deps: JobViewDeps,
  { id, keyMetric }: JobRecord,
  query: { after: number; max: number; wait_seconds: number; signal: AbortSignal; inTurn: InTurn },
): Promise<JobEvents> {
  const { after, max, wait_seconds: seconds, signal, inTurn } = query;
  const read = () =>
    inTurn(async () => {
      const found = await deps.store.events(id, after, max);
      return found.map(({ event, ...stored }) => ({
        ...stored,
        event: RUN_EVENTS.write(watchedEvent(event, keyMetric)),
      }));
    });
  let events = await read();
  const run = deps.scheduler.find(id);
  if (events.length === 0 && run) {
    await run.bell.wait(seconds, { isNews: atNextRing(), signal });
    events = await read();
  }
  const record = await currentRecord(deps, id);
  return { events, next: events.at(-1)?.seq ?? after, meta: await metaOf(deps, record) };
}

/** @throws NF_JOB_STATS_NONE: version 0.1.0 kept no figures of a job that was over */
export async function statsOf(deps: JobViewDeps, record: JobRecord): Promise<JobStats> {
  const run = deps.scheduler.find(record.id);
  const traffic = run ? run.training.traffic.sum() : record.outcome?.traffic;
  if (!traffic && record.started !== undefined) throw flError('NF_JOB_STATS_NONE', { job: record.id });
  const { sites, round: closed } = await metaOf(deps, record);
  return {
    job_id: record.id,
    rounds_closed: closed,
    aggregation_seconds: traffic?.aggregationSeconds ?? 0,
    sites: sites.map(({ site, phase }) => {
      const { bytesIn = 0, bytesOut = 0, results = 0, seconds = 0 } = traffic?.sites[site] ?? {};
      const round = run?.channel.task(site)?.round;
      const counts = { bytes_in: bytesIn, bytes_out: bytesOut, results, seconds };
      return { site, ...(phase && { phase }), ...(round !== undefined && { round }), ...counts };
    }),
  };
}

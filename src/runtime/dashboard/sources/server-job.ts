import { shellWord } from '../../base/text/shell-word.ts';
import { isFinished, type JobMeta } from '../../network/messages/admin.ts';
import type { RoundLines } from '../round-lines.ts';
import type { Action, JobLine, JobState, SiteProgress, Tone } from '../shown.ts';
import type { Speeds } from '../speeds.ts';

const TONES: Readonly<Record<JobMeta['status'], Tone>> = {
  SUBMITTED: 'waiting',
  DISPATCHED: 'waiting',
  RUNNING: 'running',
  'FINISHED:COMPLETED': 'done',
  'FINISHED:ABORTED': 'stopped',
  'FINISHED:EXECUTION_EXCEPTION': 'failed',
  'FINISHED:CAN_NOT_SCHEDULE': 'failed',
};

/** Beside what a server says of a job at this moment. */
interface Seen {
  readonly lines: RoundLines;
  readonly speeds: Speeds;
  readonly facts: JobState['facts'];
}

export function lineOf(meta: JobMeta): JobLine {
  return {
    id: meta.job_id,
    name: meta.name,
    status: meta.status,
    tone: TONES[meta.status],
    rounds: meta.round,
    numRounds: meta.num_rounds,
    sites: meta.sites.filter(({ answer }) => answer === 'accepted').length,
    metric: meta.metric,
    best: meta.best?.value ?? null,
    by: meta.submitter.name,
    begun: meta.started ?? meta.submitted,
    waits: meta.waiting?.what ?? null,
  };
}

export function stateOf(meta: JobMeta, seen: Seen): JobState {
  const { waiting, first_failure: failure, error } = meta;
  return {
    ...lineOf(meta),
    ended: meta.ended,
    round: seen.lines.round ?? null,
    progress: meta.sites.map((site) => progressOf(site, meta, seen)),
    waiting: waiting && {
      what: waiting.what,
      sites: waiting.sites,
      since: waiting.since,
      rule: waiting.rule,
      ends: waiting.ends ?? null,
    },
    failure: failure && { ...failure, error: asReport(failure.error) },
    error: error && asReport(error),
    facts: [...factsOf(meta), ...seen.facts, ...enginesOf(seen.lines)],
    notes: meta.note === undefined ? [] : [meta.note],
    next: nextOf(meta),
    actions: actionsOf(meta),
    hasReport: false,
  };
}

type Report = NonNullable<JobMeta['error']>;

/** Without what is undefined: as it is in JSON. */
function asReport(report: Report): NonNullable<JobState['error']> {
  return JSON.parse(JSON.stringify(report));
}

function progressOf(site: JobMeta['sites'][number], meta: JobMeta, { speeds }: Seen): SiteProgress {
  const { progress, phase, answer, trouble, reason } = site;
  const isAt = phase === 'running' && progress !== undefined;
  return {
    site: site.site,
    phase: isFinished(meta.status) ? answer : (phase ?? answer),
    done: isAt ? progress.done : null,
    total: isAt ? progress.total : null,
    perSecond: speeds.of(site.site, isAt ? progress.done : undefined),
    since: site.since ?? null,
    connected: site.connected,
    isWaitedFor: meta.waiting?.sites.includes(site.site) ?? false,
    rounds: site.rounds ?? null,
    note: trouble?.message ?? reason?.message ?? null,
  };
}

function factsOf(meta: JobMeta): (readonly [string, string])[] {
  return [
    ['Study', meta.study],
    ['Submitted', `${meta.submitted} by ${meta.submitter.name} (${meta.submitter.org})`],
    ['Key metric', meta.metric],
    ...(meta.min_clients === null ? [] : [['Sites a round', `at least ${meta.min_clients}`] as const]),
    ['Code (SHA-256)', meta.code_sha256],
    ['Files (SHA-256)', meta.bundle_sha256],
    ...(meta.cloned_from === null ? [] : [['Cloned from', meta.cloned_from] as const]),
    ...(meta.resumed ?? []).map(
      ({ time, by, round }) => ['Resumed', `${time} by ${by}, after round ${round}`] as const,
    ),
  ];
}

function enginesOf({ engines }: RoundLines): [string, string][] {
  return [...engines].map(([site, { name, device, library }]) => [
    `Engine of ${site}`,
    `${name} on ${device} (${library})`,
  ]);
}

function nextOf({ status, job_id: id }: JobMeta): string[] {
  if (!isFinished(status)) return [];
  const download = `neuroflare job download ${shellWord(id)}`;
  return status === 'FINISHED:COMPLETED' ? [download] : [`neuroflare job resume ${shellWord(id)}`, download];
}

function actionsOf({ status }: JobMeta): Action[] {
  return isFinished(status) ? ['clone'] : ['abort', 'clone'];
}

import { formatPlace } from '../runtime/base/errors/errors.ts';
import { timeText } from '../runtime/base/text/time-text.ts';
import type { JobMeta } from '../runtime/network/messages/admin.ts';
import { renderTable } from './table.ts';

/** Jobs, a line each. */
export function renderJobs(jobs: readonly JobMeta[]): string {
  const rows = jobs.map((job) => [
    job.job_id,
    job.name,
    job.status,
    roundsText(job),
    sitesText(job),
    job.submitter.name,
    timeText(job.submitted),
    duration(job.seconds),
  ]);
  return renderTable(['job', 'name', 'status', 'rounds', 'sites', 'submitter', 'submitted', 'time'], rows);
}

/** All of one job. */
export function renderJob(job: JobMeta): string {
  const { submitter, best } = job;
  const lines: [string, string | undefined][] = [
    ['job', job.job_id],
    ['name', job.name],
    ['status', job.status],
    ['rounds', `${job.round} of ${job.num_rounds}`],
    ...(job.resumed ?? []).map((one): [string, string] => ['resumed', resumedText(one)]),
    ['best model', best ? `model ${best.model}, ${job.metric} ${best.value.toFixed(3)}` : undefined],
    ['submitter', `${submitter.name} (${submitter.org})`],
    ['study', job.study],
    ['submitted', timeText(job.submitted)],
    ['started', maybeTime(job.started)],
    ['ended', maybeTime(job.ended)],
    ['time', job.seconds === null ? undefined : duration(job.seconds)],
    ['cloned from', job.cloned_from ?? undefined],
    ['code', job.code_sha256.slice(0, 12)],
    ['waiting for', waitingText(job)],
    ['note', job.note],
  ];
  const sites = job.sites.map(({ site, answer, connected, phase, rounds, reason, trouble, since }) => [
    site,
    answer,
    connected ? 'yes' : 'no',
    phase ?? '',
    rounds === undefined ? '' : `${rounds} of ${job.round}`,
    maybeTime(since) ?? '',
    reasonText(trouble ?? reason),
  ]);
  return [
    ...lines.flatMap(([label, value]) => (value === undefined ? [] : [`${label.padEnd(12)}${value}`])),
    ...(sites.length > 0
      ? ['', renderTable(['site', 'answer', 'connected', 'phase', 'rounds', 'since', 'reason'], sites)]
      : []),
    ...spaced(errorLines(job)),
  ].join('\n');
}

/** With the rounds after which it was resumed. */
function roundsText({ round, num_rounds: all, resumed = [] }: JobMeta): string {
  const after = resumed.map((one) => one.round).join(', ');
  return `${round} of ${all}${after === '' ? '' : ` (resumed after ${after})`}`;
}

/** When a job went on that had ended. */
function resumedText({ time, by, round, ended_by: code }: NonNullable<JobMeta['resumed']>[number]): string {
  return `${timeText(time)} by ${by}, after round ${round}${code === null ? '' : ` (${code})`}`;
}

/** How many sites take part, and who missed rounds. */
function sitesText({ sites, round: closed }: JobMeta): string {
  const taking = sites.filter(({ answer }) => answer === 'accepted');
  const missed = taking.filter(({ rounds = closed }) => rounds < closed);
  const [one] = missed;
  if (!one) return String(taking.length);
  const who =
    missed.length === 1 ? `${one.site} in ${one.rounds} of ${closed}` : `${missed.length} missed rounds`;
  return `${taking.length} (${who})`;
}

function reasonText(reason: JobMeta['sites'][number]['reason']): string {
  return reason ? `${reason.code}: ${reason.message}` : '';
}

/** `site-3 since 2026-11-29T14:02:00Z; rule: 2 of 3 have answered`: what a job waits for, in a line. */
export function waitingText({ waiting }: JobMeta): string | undefined {
  if (!waiting) return undefined;
  const { what, since, rule, ends } = waiting;
  const until = ends === undefined ? '' : `, until ${timeText(ends)}`;
  return `${what} since ${timeText(since)}; rule: ${rule}${until}`;
}

export function duration(seconds: number | null): string {
  if (seconds === null) return '-';
  if (seconds < 100) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${Math.round(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The round after the last one of training scores the final model. */
export function roundName(round: number, rounds: number): string {
  return round > rounds ? 'the final scoring' : `round ${round}`;
}

function maybeTime(time: string | null | undefined): string | undefined {
  return time === null || time === undefined ? undefined : timeText(time);
}

/** What ended a job, and the first failure of a site where that was another. */
export function errorLines({ error, first_failure: failure, num_rounds: rounds }: JobMeta): string[] {
  const isSame = error?.code === failure?.error.code && error?.message === failure?.error.message;
  return [
    ...(error ? [`ended by     ${error.code}: ${error.message}`, ...placeLines(error)] : []),
    ...(failure && !isSame
      ? [
          `first failure of a site, in ${roundName(failure.round, rounds)}:`,
          `  ${failure.error.code}: ${failure.error.message}`,
          ...placeLines(failure.error),
        ]
      : []),
  ];
}

function spaced(lines: readonly string[]): string[] {
  return lines.length > 0 ? ['', ...lines] : [];
}

function placeLines(error: NonNullable<JobMeta['error']>): string[] {
  const where = formatPlace(error.place as Parameters<typeof formatPlace>[0]);
  return [
    ...(where ? [`  at ${where}`] : []),
    ...(error.place?.excerpt?.split('\n').map((line) => `    ${line}`) ?? []),
    `  next: ${error.hint}`,
  ];
}

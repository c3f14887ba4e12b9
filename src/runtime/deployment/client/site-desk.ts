import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { flError, type NeuroflareError, toNeuroflareError } from '../../base/errors/errors.ts';
import { isLocked, lockFolder } from '../../base/files/lock.ts';
import { type Bundle, readBundle } from '../../job/bundle.ts';
import { jobId } from '../../network/messages/shapes.ts';
import { readSitePolicy } from '../../security/kit/local-files.ts';
import { type OpenKit, openKit } from '../../security/kit/open.ts';
import { logKey } from '../../security/log-key.ts';
import type { Deed } from '../../security/logs/audit-log.ts';
import { openChainedLog, type SignatureCheck } from '../../security/logs/chained-log.ts';
import { approveCode, readApprovals, withdrawApproval } from './consent/approvals.ts';
import { type EarlierCode, earlierCode, keepApprovedCode } from './consent/approved-code.ts';
import { approvedHere, lockOfDecisions, troublesOfDecisions } from './consent/decisions.ts';
import { stopJob } from './consent/stopped-jobs.ts';
import { clientFolder, WORK_IN_KIT } from './memory/client-folder.ts';
import { lossesSince } from './memory/folder-memory.ts';
import { type JobFileShown, readJobFiles } from './memory/job-files.ts';
import { type JobList, jobListMissing, readJobList } from './memory/job-list.ts';

/** What somebody at a site looks at and decides, beside the client that runs. */

export interface SitePlace {
  readonly kitDir: string;
  readonly workDir?: string | undefined;
}

export type ListedJob = JobList['jobs'][number] & { readonly files: readonly JobFileShown[] };

export interface SiteJobs {
  readonly jobs: readonly ListedJob[];
  readonly running: boolean;
  readonly approved: readonly string[];
  /** What of the work folder is gone or cannot be believed. */
  readonly troubles: readonly NeuroflareError[];
}

export function folderOf({ kitDir, workDir }: SitePlace) {
  return clientFolder(resolve(workDir ?? join(kitDir, WORK_IN_KIT)));
}

/** The jobs at hand with their files, whether a client runs, and what code was approved. */
export async function listSiteJobs(place: SitePlace): Promise<SiteJobs> {
  const folder = folderOf(place);
  const running = await isLocked(folder.lock);
  const { isSigned } = logKey(await openKit(place.kitDir, 'client'));
  const troubles = [
    ...(await lossesSince(folder).catch((thrown: unknown) => [toNeuroflareError(thrown)])),
    ...(await troublesOfDecisions(folder, isSigned)),
  ];
  const jobs = running ? await jobsAtHand(place) : [];
  if (running && !existsSync(folder.jobList)) troubles.push(jobListMissing(folder));
  // Of what cannot be read the troubles tell.
  const approved = await approvedHere(folder, isSigned).catch(() => new Set<string>());
  return { jobs, running, approved: [...approved], troubles };
}

/** What was asked to be approved: code, and the jobs at hand that have it. */
export interface CodeToApprove {
  readonly code: string;
  /** None where the code is approved before its job comes. */
  readonly jobs: readonly ListedJob[];
}

/** Whole, or its first 16 digits at least: fewer can be hit by trying. */
const DIGEST = /^[0-9a-f]{16,64}$/;

/**
 * Finds what is to be approved: code by its digest, or with `job` by the whole id of a job at hand. Ids of jobs are chosen by their
 * submitters, so neither stands for the other. The digest is worked out anew from the files that are shown.
 * @throws NF_APPROVE_UNKNOWN, with what waits
 */
export async function codeToApprove(
  place: SitePlace,
  wanted: { readonly code?: string | undefined; readonly job?: string | undefined },
): Promise<CodeToApprove> {
  const jobs = (await jobsAtHand(place)).filter(({ code_sha256: code }) => code !== null);
  const which = wanted.code ?? wanted.job ?? '';
  const fits = (job: ListedJob): boolean =>
    wanted.code === undefined
      ? job.job_id === wanted.job
      : DIGEST.test(wanted.code) && (job.code_sha256?.startsWith(wanted.code) ?? false);
  const found = jobs.filter(fits);
  const codes = [...new Set(found.flatMap(({ code_sha256: code }) => code ?? []))];
  const [code] = codes;
  if (codes.length === 1 && code !== undefined) return { code, jobs: found };
  if (codes.length === 0 && wanted.code !== undefined && /^[0-9a-f]{64}$/.test(wanted.code))
    return { code: wanted.code, jobs: [] };
  throw flError('NF_APPROVE_UNKNOWN', {
    which,
    reason: whyNot(wanted, codes.length),
    waiting: waitingOf(jobs),
  });
}

function whyNot(
  { code, job }: { code?: string | undefined; job?: string | undefined },
  found: number,
): string {
  if (found > 1) return 'more than one code begins so';
  if (code === undefined) return job === '' ? 'it is empty' : 'no job of this id is at this site';
  if (code === '') return 'it is empty';
  if (jobId.safeParse(code).success) return 'it is the id of a job (give it with --job)';
  if (!/^[0-9a-f]+$/.test(code)) return 'it is no digest: 64 lower-case hex digits, or the first 16 of them';
  if (code.length < 16) return '16 digits are the least, for fewer can be hit by trying';
  return code.length > 64 ? 'it is longer than a digest' : 'no code at this site begins so';
}

function waitingOf(jobs: readonly ListedJob[]): string {
  const waiting = jobs.filter(({ phase }) => phase === 'waiting for approval');
  if (waiting.length === 0) return 'No code waits for approval.';
  return `Waiting: ${waiting.map(({ code_sha256: code, job_id: id }) => `${code} of the job ${id}`).join('; ')}.`;
}

/** Lets code run at this site. False if it was approved before. @param code its whole digest */
export async function approve(place: SitePlace, code: string): Promise<boolean> {
  const job = (await jobsAtHand(place)).find(({ code_sha256: own }) => own === code);
  return decided(place, { action: 'code.approve', detail: code }, async (folder, isSigned) => {
    if (job) await keepApprovedCode(folder, { code, name: job.name, files: join(job.folder, 'bundle') });
    // What stands on the list without a signed line of the log is not approved yet; the log's own damage was refused before.
    const before = await approvedHere(folder, isSigned).catch(() => new Set<string>());
    return (await approveCode(folder, code)) || !before.has(code);
  });
}

/** The code of a job at hand, and the newest that was approved before: of a job of its name, if there is one. */
export interface CodeShown {
  readonly job: ListedJob;
  readonly isApproved: boolean;
  readonly bundle: Bundle;
  readonly before: EarlierCode | undefined;
}

/** Reads the files of a job at hand, and those that they are held against. Undefined while they are not here. @param id whole id of the job */
export async function showCode(place: SitePlace, id: string): Promise<CodeShown | undefined> {
  const folder = folderOf(place);
  const jobs = await jobsAtHand(place);
  const job = jobs.find(({ job_id: known, code_sha256: code }) => known === id && code !== null);
  if (!job) return undefined;
  const bundle = await readBundle(join(job.folder, 'bundle'));
  const { isSigned } = logKey(await openKit(place.kitDir, 'client'));
  const approved = await approvedHere(folder, isSigned).catch(() => new Set<string>());
  const before = await earlierCode(folder, { code: bundle.codeSha256, name: job.name });
  return {
    job,
    isApproved: approved.has(bundle.codeSha256),
    bundle,
    before,
  };
}

/** Approved code by its digest, whole or its first 16 digits at least. @throws NF_APPROVE_UNKNOWN with what is approved */
export async function approvedCode(place: SitePlace, which: string): Promise<string> {
  const { approved } = await readApprovals(folderOf(place));
  const known = approved.map(({ code_sha256: code }) => code);
  const found = DIGEST.test(which) ? known.filter((code) => code.startsWith(which)) : [];
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  const reason = found.length > 1 ? 'more than one begins so' : 'it is no digest of approved code';
  const waiting = known.length > 0 ? `Approved: ${known.join('; ')}.` : 'No code is approved.';
  throw flError('NF_APPROVE_UNKNOWN', { which, reason, waiting });
}

/**
 * Takes an approval back: the code does not begin again, and jobs that run with it end here. Returns whether the site's policy lets
 * the code run all the same.
 */
export async function withdraw(place: SitePlace, code: string): Promise<boolean> {
  const policy = await readSitePolicy(place.kitDir);
  await decided(place, { action: 'code.withdraw', detail: code }, (folder) => withdrawApproval(folder, code));
  return policy.code === 'any' || policy.allowed_code.includes(code);
}

/**
 * Ends a job at this site, for good: a client that runs ends it within a second, another when it starts. The server is told with the
 * reason.
 * @param which whole id of the job
 * @throws NF_STOP_UNKNOWN
 */
export async function stop(place: SitePlace, which: string, reason: string): Promise<boolean> {
  if (!jobId.safeParse(which).success) {
    const jobs = await jobsAtHand(place);
    const known =
      jobs.length > 0 ? `Here: ${jobs.map(({ job_id: id }) => id).join(', ')}.` : 'No job is here.';
    throw flError('NF_STOP_UNKNOWN', { which, known });
  }
  return decided(place, { action: 'job.stop', job: which, detail: reason }, (folder) =>
    stopJob(folder, which, reason),
  );
}

async function jobsAtHand(place: SitePlace): Promise<ListedJob[]> {
  const { jobs } = (await readJobList(folderOf(place))) ?? { jobs: [] };
  return Promise.all(
    jobs.map(async (job) => {
      const read = await readJobFiles(join(job.folder, 'bundle'));
      // What is shown is what is approved.
      return { ...job, code_sha256: read?.codeSha256 ?? null, files: read?.files ?? [] };
    }),
  );
}

/** The client's own audit log has one writer, the client; what people decide has a log beside it. */
export async function decided(
  place: SitePlace,
  deed: Omit<Deed, 'actor' | 'outcome'>,
  work: (folder: ReturnType<typeof folderOf>, isSigned: SignatureCheck) => Promise<boolean>,
): Promise<boolean> {
  const kit: OpenKit<'client'> = await openKit(place.kitDir, 'client');
  const folder = folderOf(place);
  const release = await lockFolder(lockOfDecisions(folder), 'The log of approvals');
  try {
    const key = logKey(kit);
    const log = await openChainedLog<Deed>(folder.approvalAudit, key);
    try {
      const isNew = await work(folder, key.isSigned);
      if (isNew) await log.append({ actor: userInfo().username, ...deed, outcome: 'done' });
      return isNew;
    } finally {
      await log.close();
    }
  } finally {
    await release();
  }
}

import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { flError } from '../kernel/errors.ts';
import { didYouMean } from '../kernel/nearest.ts';
import { openKit } from '../security/kit/open.ts';
import { logKey } from '../security/log-key.ts';
import type { Deed } from '../store/audit-log.ts';
import { openChainedLog } from '../store/chained-log.ts';
import { isLocked } from '../workspace/lock.ts';
import { approveCode, readApprovals } from './approvals.ts';
import { clientFolder, WORK_IN_KIT } from './client-folder.ts';
import { type JobList, readJobList } from './job-list.ts';

/** What somebody at a site looks at and decides, beside the client that runs. */

export interface SitePlace {
  readonly kitDir: string;
  readonly workDir?: string | undefined;
}

export function folderOf({ kitDir, workDir }: SitePlace) {
  return clientFolder(resolve(workDir ?? join(kitDir, WORK_IN_KIT)));
}

export interface SiteJobs extends JobList {
  readonly running: boolean;
  readonly approved: readonly string[];
}

/** The jobs at hand, whether a client runs, and what code was approved. */
export async function listSiteJobs(place: SitePlace): Promise<SiteJobs> {
  const folder = folderOf(place);
  const { jobs } = await readJobList(folder);
  const { approved } = await readApprovals(folder);
  const running = await isLocked(folder.lock);
  return { jobs: running ? jobs : [], running, approved: approved.map(({ code_sha256: code }) => code) };
}

/**
 * Lets code run at this site, by its digest, the beginning of it, or a job that has it.
 * @throws NF_APPROVE_UNKNOWN
 */
export async function approve(place: SitePlace, which: string): Promise<{ code: string; isNew: boolean }> {
  const folder = folderOf(place);
  const { jobs } = await readJobList(folder);
  const known = jobs.flatMap(({ job_id: id, code_sha256: code }) => (code === null ? [] : [{ id, code }]));
  const found = new Set(
    known.filter(({ id, code }) => id.startsWith(which) || code.startsWith(which)).map(({ code }) => code),
  );
  const code = /^[0-9a-f]{64}$/.test(which) ? which : found.size === 1 ? [...found][0] : undefined;
  if (code === undefined) {
    const nearest = didYouMean(
      which,
      known.flatMap(({ id, code: one }) => [id, one]),
    );
    throw flError('NF_APPROVE_UNKNOWN', { which, nearest });
  }
  const isNew = await approveCode(folder, code);
  const kit = await openKit(place.kitDir, 'client');
  if (isNew) await noteApproval(folder.approvalAudit, kit, code);
  return { code, isNew };
}

/** The client's own audit log has one writer, the client; approvals have a log beside it. */
async function noteApproval(path: string, kit: Parameters<typeof logKey>[0], code: string): Promise<void> {
  const log = await openChainedLog<Deed>(path, logKey(kit));
  try {
    await log.append({ actor: userInfo().username, action: 'code.approve', outcome: 'done', detail: code });
  } finally {
    await log.close();
  }
}

import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { flError } from '../../base/errors/errors.ts';
import { copyFileAtomic, makeFolder } from '../../base/files/files.ts';
import { readChainedLog } from '../../security/logs/chained-log.ts';
import type { ServerStore } from '../store/server-store.ts';
import { forgetNotedFacts } from '../store/sqlite/facts.ts';
import type { StateFolder } from './state-folder.ts';

/** Jobs named in an error; the rest is a number. */
const MOST_NAMED = 5;
const SUBMITTED = new Set(['job.submit', 'job.clone']);

/** Moves what nothing knows of out of the way, under a name that is free. Nothing that may hold a job is deleted. */
export async function moveToLostAndFound(state: StateFolder, path: string): Promise<string> {
  const target = freeName(state, basename(path));
  await makeFolder(state.lostAndFound);
  await rename(path, target);
  return target;
}

/** What is left of a database that has lost facts, before a server goes on without them. */
export async function keepDatabase(state: StateFolder): Promise<void> {
  await makeFolder(state.lostAndFound);
  for (const suffix of ['', '-wal', '.facts']) {
    const file = `${state.database}${suffix}`;
    if (existsSync(file)) await copyFileAtomic(file, freeName(state, basename(file)));
  }
  forgetNotedFacts(state.database);
}

/**
 * Jobs that the audit log has seen come and that the database has never heard of.
 * @throws NF_STORE_JOBS_LOST
 */
export async function requireJobsOfAudit(state: StateFolder, store: ServerStore): Promise<void> {
  const lost: string[] = [];
  for (const job of existsSync(state.audit) ? await submittedJobs(state.audit) : [])
    if (!(await store.job(job)) && !(await store.wasDeleted(job))) lost.push(job);
  if (lost.length === 0) return;
  const more = lost.length > MOST_NAMED ? ` and ${lost.length - MOST_NAMED} more` : '';
  const jobs = `${lost.slice(0, MOST_NAMED).join(', ')}${more}`;
  throw flError('NF_STORE_JOBS_LOST', { path: state.audit, jobs }, { place: { file: state.database } });
}

/** Without those that were deleted, or given up as lost. */
async function submittedJobs(path: string): Promise<Set<string>> {
  const jobs = new Set<string>();
  for await (const { action, job, outcome } of readChainedLog(path)) {
    if (action === 'state.accept_loss') jobs.clear();
    if (typeof job !== 'string' || outcome !== 'done') continue;
    if (SUBMITTED.has(String(action))) jobs.add(job);
    if (action === 'job.delete') jobs.delete(job);
  }
  return jobs;
}

function freeName({ lostAndFound }: StateFolder, name: string): string {
  for (let number = 0; ; number++) {
    const path = join(lostAndFound, number === 0 ? name : `${name}.${number}`);
    if (!existsSync(path)) return path;
  }
}

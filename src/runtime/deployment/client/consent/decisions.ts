import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { flError, type NeuroflareError, toNeuroflareError } from '../../../base/errors/errors.ts';
import { isLocked } from '../../../base/files/lock.ts';
import { firstOf } from '../../../base/text/first-of.ts';
import {
  headOf,
  readChainedLog,
  type SignatureCheck,
  verifyChainedLog,
} from '../../../security/logs/chained-log.ts';
import type { ClientFolder } from '../memory/client-folder.ts';
import { workLost } from '../memory/work-record.ts';
import { readApprovals } from './approvals.ts';
import { addStopped, readStopped } from './stopped-jobs.ts';

/** What people at a site decided, by the log of it: the files that a client goes by are held against it. */
interface Decided {
  /** Digests of code. */
  readonly approved: ReadonlySet<string>;
  readonly stopped: ReadonlyMap<
    string,
    { readonly reason: string; readonly by: string; readonly time: string }
  >;
}

/** Between what somebody decides and its line in the log. */
const SETTLE_MS = 300;

/**
 * What of the approvals and stopped jobs cannot be read, is not in the log of decisions, or is there no more; and what the log itself has
 * lost. Nothing is changed.
 */
export async function troublesOfDecisions(
  folder: ClientFolder,
  isSigned: SignatureCheck,
): Promise<NeuroflareError[]> {
  const found = await compare(folder, isSigned);
  if (found.length === 0 || !(await isLocked(lockOfDecisions(folder)))) return found;
  await sleep(SETTLE_MS);
  return compare(folder, isSigned);
}

/**
 * Digests of code that may run here: on the list, and approved last by the log of decisions, up to its signed end. A list alone, one that
 * came with a kit for example, approves nothing.
 * @throws NF_APPROVALS_INVALID; NF_AUDIT_DAMAGED for a log that is not whole
 */
export async function approvedHere(
  folder: ClientFolder,
  isSigned: SignatureCheck,
): Promise<ReadonlySet<string>> {
  const { approved } = await readApprovals(folder);
  if (approved.length === 0) return new Set();
  // Whoever decides writes a line and then its signed end.
  const signed = await signedApprovals(folder, isSigned).catch(async () => {
    await sleep(SETTLE_MS);
    return signedApprovals(folder, isSigned);
  });
  return new Set(approved.map(({ code_sha256: code }) => code).filter((code) => signed.has(code)));
}

async function signedApprovals(folder: ClientFolder, isSigned: SignatureCheck): Promise<ReadonlySet<string>> {
  const { approvalAudit: path } = folder;
  const head = await headOf(path);
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  if (!head && size === 0) return new Set();
  const [finding] = (await verifyChainedLog(path, isSigned)).findings;
  if (finding)
    throw flError('NF_AUDIT_DAMAGED', { path, reason: finding.problem }, { place: { file: path } });
  return (await decidedIn(folder, head?.seq)).approved;
}

/** Held while somebody decides. */
export function lockOfDecisions({ approvalAudit }: ClientFolder): string {
  return `${approvalAudit}.lock`;
}

async function compare(folder: ClientFolder, isSigned: SignatureCheck): Promise<NeuroflareError[]> {
  const troubles: NeuroflareError[] = [];
  const decided = await readLog(folder, isSigned, troubles);
  const approved = await readable(() => readApprovals(folder), troubles);
  const stopped = await readable(() => readStopped(folder), troubles);
  if (approved) {
    const codes = new Set(approved.approved.map(({ code_sha256: code }) => code));
    const gone = [...decided.approved].filter((code) => !codes.has(code));
    const strange = [...codes].filter((code) => !decided.approved.has(code));
    if (gone.length > 0)
      troubles.push(workLost(folder.approvals, `approvals are gone that were given: ${firstOf(gone)}`));
    if (strange.length > 0)
      troubles.push(
        workLost(
          folder.approvals,
          `code stands there that nobody has approved by the log, and does not count as approved: ${firstOf(strange)}`,
        ),
      );
  }
  if (stopped) {
    const ids = new Set(stopped.stopped.map(({ job_id: id }) => id));
    const gone = [...decided.stopped.keys()].filter((id) => !ids.has(id));
    if (gone.length > 0)
      troubles.push(workLost(folder.stopped, `jobs are gone that were stopped: ${firstOf(gone)}`));
  }
  return troubles;
}

/** Of a log that cannot be read nothing is known to have been decided. */
async function readLog(
  folder: ClientFolder,
  isSigned: SignatureCheck,
  troubles: NeuroflareError[],
): Promise<Decided> {
  const { approvalAudit: path } = folder;
  const isSomethingThere = existsSync(path) || (await headOf(path)) !== undefined;
  try {
    const { findings } = isSomethingThere ? await verifyChainedLog(path, isSigned) : { findings: [] };
    for (const { problem } of findings.slice(0, 1)) troubles.push(workLost(path, problem));
    return await decidedIn(folder);
  } catch (thrown) {
    troubles.push(workLost(path, toNeuroflareError(thrown).message.replace(/\.$/, '')));
    return { approved: new Set(), stopped: new Map() };
  }
}

async function readable<Value>(
  read: () => Promise<Value>,
  troubles: NeuroflareError[],
): Promise<Value | undefined> {
  return read().catch((thrown: NeuroflareError) => {
    troubles.push(thrown);
    return undefined;
  });
}

/** Jobs that were stopped here stay stopped, whatever became of their list. */
export async function putBackStopped(folder: ClientFolder): Promise<void> {
  for (const [id, { reason, by, time }] of (await decidedIn(folder)).stopped)
    await addStopped(folder, { job_id: id, reason, by, time });
}

/** @param end number of the last entry that counts */
async function decidedIn({ approvalAudit }: ClientFolder, end = Number.POSITIVE_INFINITY): Promise<Decided> {
  const approved = new Set<string>();
  const stopped = new Map<string, { reason: string; by: string; time: string }>();
  if (!existsSync(approvalAudit)) return { approved, stopped };
  for await (const { seq, action, detail, job, actor, time } of readChainedLog(approvalAudit)) {
    if (Number(seq) > end) break;
    const what = String(detail);
    if (action === 'code.approve') approved.add(what);
    if (action === 'code.withdraw') approved.delete(what);
    if (action === 'job.stop' && typeof job === 'string')
      stopped.set(job, { reason: what, by: String(actor), time: String(time) });
  }
  return { approved, stopped };
}

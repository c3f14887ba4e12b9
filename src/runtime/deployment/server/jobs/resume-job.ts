import { rm } from 'node:fs/promises';
import type { z } from 'zod';
import { canonicalJson } from '../../../base/digest.ts';
import { flError } from '../../../base/errors/errors.ts';
import { faultPoint } from '../../../base/errors/fault-point.ts';
import type { CheckedJob } from '../../../federation/intake/operations.ts';
import type { resumption } from '../../../network/messages/admin.ts';
import { requireEndedWithoutSuccess } from '../../../network/messages/ended.ts';
import type { JobTerms } from '../../../network/messages/terms.ts';
import { damageOf } from '../../../run/intact.ts';
import { RUN_FILES } from '../../../run/run-folder.ts';
import type { Identity } from '../../../security/certificate/identity.ts';
import { signerOf } from '../../../security/job-signature.ts';
import type { JobRecord } from '../../store/server-store.ts';
import { checkJob } from './check-job.ts';
import { jobFiles } from './job-files.ts';
import { historyOf, modelsToGoOn } from './job-results.ts';
import { STEP_NOTE } from './one-step.ts';
import type { TakeInDeps } from './take-in.ts';

export type ResumeRequest = z.output<typeof resumption>;

export interface ResumedBy {
  readonly id: string;
  readonly user: Identity;
  readonly request: ResumeRequest;
}

/**
 * Puts a job that ended without success back to where it can be scheduled; durable when it returns. What a retry of the same request
 * finds is its own.
 * @throws NF_JOB_UNKNOWN, NF_JOB_NOT_OVER, NF_JOB_COMPLETED, NF_JOB_CANNOT_RESUME, NF_JOB_SIGNATURE, NF_JOB_TERMS
 */
export async function resumeJob(
  { id, user, request }: ResumedBy,
  deps: TakeInDeps,
): Promise<{ record: JobRecord; isNew: boolean }> {
  const { store, state } = deps;
  const { terms, signature } = request;
  const record = await store.job(id);
  if (!record) throw flError('NF_JOB_UNKNOWN', { job: id, nearest: '' });
  if (
    canonicalJson({ ...record.terms }) === canonicalJson(terms) &&
    record.signature.signature === signature.signature
  )
    return { record, isNew: false };
  if (record.damaged) throw flError('NF_JOB_RECORD', { job: id, parts: record.damaged.parts.join(', ') });
  requireEndedWithoutSuccess(record);
  requireStudy(record, deps);
  requireSameJob(record, terms);
  const signer = signerOf(request, deps);
  if (signer.name !== user.name)
    throw flError('NF_JOB_SIGNATURE', { reason: `it is ${signer.name}'s, and ${user.name} resumes the job` });
  const folder = state.job(id);
  const modelComesApart = record.initialModel !== undefined;
  const job = await checkJob(deps, { folder: folder.at(RUN_FILES.bundle), modelComesApart });
  const round = await requireFiles({ record, job }, deps);
  // A step that took the server with it is tried again, as somebody has looked at it.
  await rm(folder.at(STEP_NOTE), { force: true });
  faultPoint('job.resumed:before');
  const resumed = await store.resumeJob(id, { terms, signature, by: user.name, round });
  faultPoint('job.resumed:after');
  return { record: resumed, isNew: true };
}

/** The study that it was submitted to, not another one of its name. */
function requireStudy(record: JobRecord, { studies }: TakeInDeps): void {
  const { id: job, study } = record;
  if (studies.ofJob(record)) return;
  const reason = studies.find(study)
    ? `its study ${study} was removed, and the one of this name is another`
    : `its study ${study} was removed`;
  throw flError('NF_JOB_CANNOT_RESUME', { job, reason });
}

/** All but when it was signed, until when, and how often. */
function requireSameJob({ id: job, terms: known }: JobRecord, terms: JobTerms): void {
  if (!known) throw flError('NF_JOB_SIGNATURE_OLD', { job });
  const [before, now] = [known, terms].map(({ submitted, expires, resume, ...same }) => same) as [
    object,
    object,
  ];
  const changed = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
    (key) =>
      canonicalJson([Reflect.get(before, key) ?? null]) !== canonicalJson([Reflect.get(now, key) ?? null]),
  );
  if (changed.length > 0)
    throw flError('NF_JOB_TERMS', { reason: `signed anew with another ${changed.join(', ')}` });
}

/** The models without which it cannot go on are whole; updates are asked for again. Returns the last closed round of training. */
async function requireFiles(
  { record, job }: { record: JobRecord; job: CheckedJob },
  { state, store }: TakeInDeps,
): Promise<number> {
  const history = await historyOf(store.journal(record.id), job.definition.workflow);
  const files = jobFiles(state.job(record.id), () => undefined);
  for (const file of modelsToGoOn(history, record)) {
    const damage = await damageOf(files, file);
    if (damage === undefined) continue;
    const reason = `the model ${file.sha256.slice(0, 12)} that it goes on from is not whole at the server: ${damage}`;
    throw flError('NF_JOB_CANNOT_RESUME', { job: record.id, reason });
  }
  return history.position?.round ?? 0;
}

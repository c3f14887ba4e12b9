import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { flError } from '../../../base/errors/errors.ts';
import { copyFileAtomic, makeFolder } from '../../../base/files/files.ts';
import type { OneByOne } from '../../../base/threads/one-by-one.ts';
import type { Digests } from '../../../federation/intake/operations.ts';
import { requireTermsOf } from '../../../federation/job-terms.ts';
import { templatesByCode } from '../../../job/templates.ts';
import { RUN_FILES } from '../../../run/run-folder.ts';
import type { Identity } from '../../../security/certificate/identity.ts';
import type { JobRecord, ServerStore } from '../../store/server-store.ts';
import type { WorkThread } from '../heavy-work/work-thread.ts';
import type { Studies } from '../policy/studies.ts';
import type { StateFolder } from '../state-folder.ts';
import { checkJob, type JobCheck } from './check-job.ts';
import type { IntakeRules, Submission } from './intake-rules.ts';
import { INITIAL_MODEL } from './job-results.ts';
import { PACKED_BUNDLE } from './packed-file.ts';
import { requireSignature } from './signed-job.ts';
import { requireRoomForJob } from './user-jobs.ts';

export interface TakeInDeps extends JobCheck {
  readonly project: string;
  /** PEM of the authority. */
  readonly rootPem: string;
  readonly state: StateFolder;
  readonly store: ServerStore;
  readonly studies: Studies;
  readonly work: WorkThread;
  /** Of submissions with one job id, each sees what became of the one before it. */
  readonly byId: OneByOne;
}

export interface SubmittedBy {
  readonly user: Identity;
  /** JSON of `submission`, which is read in the intake's thread. */
  readonly body: Uint8Array;
  readonly rules: IntakeRules;
}

/** Folders of submissions that are being taken in begin so. */
export const INCOMING = '.incoming-';

/**
 * Takes a job in; durable when it returns. A known token answers with the job it was given for.
 * @throws NF_REQUEST_FORM, NF_JOB_*, NF_JOB_SIGNATURE, NF_JOB_DELETED, NF_SUBMIT_TOKEN_CONFLICT
 */
export async function takeIn(
  { user, body, rules }: SubmittedBy,
  deps: TakeInDeps,
): Promise<{ job: JobRecord; isNew: boolean }> {
  const { state, intake, byId } = deps;
  const incoming = join(state.jobs, `${INCOMING}${randomUUID()}`);
  const folder = join(incoming, RUN_FILES.bundle);
  try {
    const keep = join(incoming, PACKED_BUNDLE);
    const { submitted: request, ...unpacked } = await intake.run('unpack', { body, folder, keep });
    await rules.mayEnter(request);
    if (!(await templatesByCode()).has(unpacked.codeSha256)) rules.mayBringCode(request);
    requireSignature(request, { user, ...unpacked }, deps);
    return await byId.take(request.terms.job_id, () => enter({ user, request, incoming, unpacked }, deps));
  } finally {
    await rm(incoming, { recursive: true, force: true });
  }
}

interface Unpacked {
  readonly user: Identity;
  readonly request: Submission;
  readonly incoming: string;
  readonly unpacked: Digests & { readonly packed: JobRecord['bundle'] };
}

/** What was signed, as a new job or the one that it was before. */
async function enter(
  { user, request, incoming, unpacked }: Unpacked,
  deps: TakeInDeps,
): Promise<{ job: JobRecord; isNew: boolean }> {
  const { terms } = request;
  const id = terms.job_id;
  const again = await deps.store.job(id);
  if (again && (again.bundleSha256 !== unpacked.bundleSha256 || again.submitter.name !== user.name))
    throw flError('NF_SUBMIT_TOKEN_CONFLICT', { token: id, job: id });
  if (again) return { job: again, isNew: false };
  requireRoomForJob(user.name, {
    jobs: await deps.store.jobs({ submitter: user.name }),
    bytes: unpacked.packed.size,
  });
  if (await deps.store.wasDeleted(id)) throw flError('NF_JOB_DELETED', { job: id });
  const modelComesApart = request.initial_model !== undefined;
  const { definition } = await checkJob(deps, { folder: join(incoming, RUN_FILES.bundle), modelComesApart });
  requireTermsOf(definition, terms);
  if (request.initial_model) await takeModel({ user, request, incoming }, deps);
  const { packed: bundle, ...digests } = unpacked;
  const record: JobRecord = {
    id,
    name: definition.name,
    study: terms.study,
    studyId: deps.studies.get(terms.study).id,
    submitter: { name: user.name, org: user.org, role: user.role },
    submitted: new Date().toISOString(),
    token: request.token,
    clonedFrom: request.cloned_from,
    ...digests,
    bundle,
    terms,
    signature: request.signature,
    numRounds: definition.workflow.numRounds,
    keyMetric: definition.workflow.keyMetric,
    clients: terms.clients ?? undefined,
    initialModel: request.initial_model,
    status: 'SUBMITTED',
  };
  return add(record, { incoming, deps });
}

/** Folder first: a job that the database knows has its files. */
async function add(
  record: JobRecord,
  { incoming, deps: { state, store } }: { incoming: string; deps: TakeInDeps },
): Promise<{ job: JobRecord; isNew: boolean }> {
  const { root } = state.job(record.id);
  await rename(incoming, root);
  const added = await store.addJob(record).catch(async (error: unknown) => {
    await rm(root, { recursive: true, force: true });
    throw error;
  });
  if (!added.isNew) await rm(root, { recursive: true, force: true });
  return added;
}

/** A model that the submitter uploaded before, or that of the job that is cloned: checked, then the job's own. */
async function takeModel(
  { user, request, incoming }: { user: Identity; request: Submission; incoming: string },
  { state, store, work }: TakeInDeps,
): Promise<void> {
  const { initial_model: model, cloned_from: from } = request;
  const digest = model?.sha256 ?? '';
  const uploaded = join(state.userUploads(user.name), digest);
  const origin = from === undefined ? undefined : await store.job(from);
  // Among the blobs of a job are also its sites' updates, which nobody is given one by one.
  const folder = origin?.initialModel?.sha256 === digest ? state.job(origin.id) : undefined;
  const known = folder ? [folder.blobs.at(digest), folder.at(INITIAL_MODEL)] : [];
  const path = [uploaded, ...known].find((candidate) => existsSync(candidate));
  if (path === undefined) throw flError('NF_UPLOAD_MISSING', { sha256: digest });
  await work.run('checkModel', { path });
  const target = join(incoming, 'blobs', digest);
  await makeFolder(join(incoming, 'blobs'));
  if (path === uploaded) await rename(path, target);
  else await copyFileAtomic(path, target);
}

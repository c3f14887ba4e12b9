import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { readSplit } from '../../../preprocess/split/manifest.ts';
import { sha256File } from '../../base/digest.ts';
import { toNeuroflareError } from '../../base/errors/errors.ts';
import { counted } from '../../base/text/counted.ts';
import { requireRecipients, type TermsWanted, termsOf } from '../../federation/job-terms.ts';
import { jobWarnings } from '../../federation/job-warnings.ts';
import { modelForm } from '../../federation/model-form.ts';
import { loadSubmittedJob } from '../../federation/submitted-job.ts';
import type { Bundle } from '../../job/bundle.ts';
import type { JobDefinition } from '../../job/definition.ts';
import { LOCAL_FILES } from '../../job/job-paths.ts';
import { findJobFile, loadJob } from '../../job/load.ts';
import { liesOutside, modelApart } from '../../job/model-apart.ts';
import { planRun } from '../../job/plan.ts';
import { submitted } from '../../network/messages/admin.ts';
import type { ModelForm } from '../../network/messages/terms.ts';
import { packBundle } from '../../network/packed-bundle.ts';
import { isPassing } from '../../network/transfer/failures.ts';
import { upload } from '../../network/transfer/upload.ts';
import { signJob } from '../../security/job-signature.ts';
import type { Admin } from './admin.ts';
import { inTurn } from './in-turn.ts';

/** Days for which a job is good unless its submitter says otherwise. */
export const VALID_DAYS = 30;

export interface SubmitOptions {
  readonly study?: string | undefined;
  readonly token?: string | undefined;
  /** Sites that take part; default: those of the job's split, else the server chooses. */
  readonly clients?: readonly string[] | undefined;
  /** Days for which sites take the job and its tasks; default: 30. */
  readonly validDays?: number | undefined;
  readonly signal: AbortSignal;
  /** Told before the file of the initial model is sent apart; what it throws keeps it here. */
  readonly onModel?: ((model: ModelToSend) => Promise<void>) | undefined;
  readonly onBytes?: ((sent: number, total: number) => void) | undefined;
}

/** A file of this machine that goes to the server beside a job's folder. */
export interface ModelToSend {
  readonly file: string;
  readonly size: number;
  /** The job's folder, which may be somebody else's, has named a file elsewhere. */
  readonly isOutside: boolean;
}

export interface SubmittedJob {
  readonly jobId: string;
  readonly isNew: boolean;
  readonly name: string;
  readonly sites: readonly string[] | undefined;
  /** What its author should know. */
  readonly warnings: readonly string[];
}

/** Submits a job folder: checked here first, signed with the admin's key, and taken once however often it is sent. */
export async function submitJob(admin: Admin, path: string, options: SubmitOptions): Promise<SubmittedJob> {
  const { folder } = await findJobFile(path);
  const apart = await modelApart(await loadJob(folder));
  const { job, bundle } = await loadSubmittedJob(folder, {
    modelComesApart: apart !== undefined,
    // The server knows what it takes.
    mostModelBytes: Number.POSITIVE_INFINITY,
  });
  const { definition } = job;
  const split = definition.data?.split;
  const manifest =
    split !== undefined && (await stat(split).catch(() => undefined)) ? await readSplit(split) : undefined;
  const splitSites = manifest?.sites.map(({ name }) => name);
  const sites = options.clients ?? splitSites;
  requireRecipients(definition, sites);
  if (sites) planRun(definition, { siteNames: options.clients }, splitSites);
  const model = apart === undefined ? undefined : await modelRef(apart);
  const content = {
    job: definition,
    bundle,
    model: await modelForm(definition, { rules: LOCAL_FILES, apart }),
  };
  if (model && apart !== undefined)
    await options.onModel?.({ file: apart, size: model.size, isOutside: await liesOutside(folder, apart) });
  const wanted = { study: options.study ?? 'default', clients: sites };
  const send = () => sendSubmission(admin, { ...options, content, wanted, model });
  if (model && apart !== undefined) await sendModel(admin, { ...model, file: apart }, options);
  const answer = await send().catch(async (thrown: unknown) => {
    // A server that was started anew in between has forgotten what was not submitted yet.
    if (toNeuroflareError(thrown).code !== 'NF_UPLOAD_MISSING' || !model || apart === undefined) throw thrown;
    await sendModel(admin, { ...model, file: apart }, options);
    return send();
  });
  const warnings = [
    ...jobWarnings(job, bundle, manifest),
    ...(await siteWarnings(admin, definition, wanted)),
  ];
  return { jobId: answer.job_id, isNew: answer.is_new, name: definition.name, sites, warnings };
}

/** A job waits, it may be for ever, for sites that are not there. */
async function siteWarnings(
  admin: Admin,
  { workflow: { clients, minClients, clientsPerRound } }: JobDefinition,
  { study, clients: named }: Pick<Wanted, 'study' | 'clients'>,
): Promise<string[]> {
  // Those that are named were looked up by the server.
  if (named) return [];
  const known = await sitesOf(admin, study).catch(() => undefined);
  if (known === undefined) return [];
  const has = `the study ${study} has ${counted(known, 'site')}`;
  const least = minClients ?? clientsPerRound ?? clients ?? 1;
  if (least > known)
    return [`a round needs ${counted(least, 'site')}, and ${has}: the job waits until there are more`];
  return clients !== undefined && clients > known
    ? [`the job asks for ${counted(clients, 'site')}, and ${has}`]
    : [];
}

/** Of a study that has all sites, those that were at the server once. */
async function sitesOf(admin: Admin, study: string): Promise<number> {
  const { sites } = await admin.study(study);
  return sites === null ? (await admin.status()).sites.length : sites.length;
}

/** Whose terms are signed, without what is the same for every job. */
type Wanted = Omit<TermsWanted, 'project' | 'jobId' | 'now' | 'validDays'>;

interface Submission extends Pick<SubmitOptions, 'token' | 'validDays' | 'signal'> {
  readonly content: { readonly job: JobDefinition; readonly bundle: Bundle; readonly model: ModelForm };
  readonly wanted: Wanted;
  readonly model: { readonly sha256: string; readonly size: number } | undefined;
  readonly clonedFrom?: string;
}

/** Signs a job and sends it. */
export async function sendSubmission(admin: Admin, submission: Submission) {
  const { content, wanted, model, token, clonedFrom, validDays = VALID_DAYS, signal } = submission;
  const jobId = randomUUID();
  const { project } = admin.kit;
  const terms = termsOf(content, { ...wanted, project, jobId, validDays, now: new Date() });
  const body = {
    terms,
    bundle: packBundle(content.bundle),
    signature: signJob(terms, admin.kit),
    // Without the user's own: a request that is sent twice, for a broken line, is one submission.
    token: token ?? jobId,
    ...(model && { initial_model: model }),
    ...(clonedFrom !== undefined && { cloned_from: clonedFrom }),
  };
  const send = () =>
    admin.connection.send({
      method: 'POST',
      path: '/v1/jobs/',
      body,
      answer: submitted,
      signal,
      waitSeconds: 60,
    });
  return inTurn(send, signal);
}

async function modelRef(path: string) {
  return { sha256: await sha256File(path), size: (await stat(path)).size };
}

async function sendModel(
  { connection }: Admin,
  { file, sha256, size }: { file: string; sha256: string; size: number },
  { signal, onBytes }: SubmitOptions,
): Promise<void> {
  let sent = 0;
  const count = (bytes: number) => {
    sent += bytes;
    onBytes?.(Math.min(sent, size), size);
  };
  for (let tries = 1; ; tries++) {
    try {
      await upload(connection, { path: `/v1/jobs/uploads/${sha256}`, file, size, signal, onBytes: count });
      return;
    } catch (thrown) {
      signal.throwIfAborted();
      const error = toNeuroflareError(thrown);
      if (!isPassing(error) || tries >= 20) throw error;
    }
  }
}

import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { readSplit } from '../../preprocess/split/manifest.ts';
import { packBundle, unpackBundle } from '../federation/packed-bundle.ts';
import { loadSubmittedJob, modelOutside } from '../federation/submitted-job.ts';
import type { Bundle } from '../job/bundle.ts';
import { keyMetricWarnings } from '../job/key-metric.ts';
import { findJobFile, loadJob } from '../job/load.ts';
import { planRun } from '../job/plan.ts';
import { sha256File } from '../kernel/digest.ts';
import { toNeuroflareError } from '../kernel/errors.ts';
import { signJob } from '../security/job-signature.ts';
import { isPassing } from '../transport/failures.ts';
import { upload } from '../transport/upload.ts';
import { submitted } from '../wire/admin.ts';
import { packedBundle } from '../wire/shapes.ts';
import type { Admin } from './admin.ts';

export interface SubmitOptions {
  readonly study?: string | undefined;
  readonly token?: string | undefined;
  /** Sites that take part; default: those of the job's split, else the server chooses. */
  readonly clients?: readonly string[] | undefined;
  readonly signal: AbortSignal;
  readonly onBytes?: ((sent: number, total: number) => void) | undefined;
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
  const outside = modelOutside(await loadJob(folder));
  const { job, bundle } = await loadSubmittedJob(folder, {
    modelComesApart: outside !== undefined,
    // The server knows what it takes.
    mostModelBytes: Number.POSITIVE_INFINITY,
  });
  const { definition } = job;
  const split = definition.data?.split;
  const splitSites =
    split !== undefined && (await stat(split).catch(() => undefined))
      ? (await readSplit(split)).sites.map(({ name }) => name)
      : undefined;
  const sites = options.clients ?? splitSites;
  if (sites) planRun(definition, { siteNames: options.clients }, splitSites);
  const model = outside === undefined ? undefined : await modelRef(outside);
  const send = () => sendSubmission(admin, { ...options, bundle, sites, model });
  if (model && outside !== undefined) await sendModel(admin, { ...model, file: outside }, options);
  const answer = await send().catch(async (thrown: unknown) => {
    // A server that was started anew in between has forgotten what was not submitted yet.
    if (toNeuroflareError(thrown).code !== 'NF_UPLOAD_MISSING' || !model || outside === undefined)
      throw thrown;
    await sendModel(admin, { ...model, file: outside }, options);
    return send();
  });
  const warnings = keyMetricWarnings(job.value.workflow);
  return { jobId: answer.job_id, isNew: answer.is_new, name: definition.name, sites, warnings };
}

/** Submits a job of the server once more, as one's own. */
export async function cloneJob(
  admin: Admin,
  id: string,
  options: Pick<SubmitOptions, 'study' | 'signal'>,
): Promise<SubmittedJob & { readonly clonedFrom: string }> {
  const { job_id: clonedFrom, name, study, sites, initial_model: model } = await admin.job(id);
  const bundle = await fetchBundle(admin, clonedFrom);
  const named = sites.filter(({ answer }) => answer === 'accepted').map(({ site }) => site);
  const answer = await sendSubmission(admin, {
    ...options,
    study: options.study ?? study,
    bundle,
    sites: undefined,
    model: model ?? undefined,
    clonedFrom,
  });
  return { jobId: answer.job_id, isNew: answer.is_new, name, sites: named, warnings: [], clonedFrom };
}

interface Submission extends SubmitOptions {
  readonly bundle: Bundle;
  readonly sites: readonly string[] | undefined;
  readonly model: { readonly sha256: string; readonly size: number } | undefined;
  readonly clonedFrom?: string;
}

async function sendSubmission(admin: Admin, submission: Submission) {
  const { bundle, sites, model, study, token, clonedFrom, signal } = submission;
  const jobId = randomUUID();
  const { project } = admin.kit;
  const signed = { project, job_id: jobId, bundle_sha256: bundle.sha256 };
  return admin.connection.send({
    method: 'POST',
    path: '/v1/jobs/',
    body: {
      job_id: jobId,
      bundle: packBundle(bundle),
      signature: signJob(signed, admin.kit),
      study: study ?? 'default',
      // Without the user's own: a request that is sent twice, for a broken line, is one submission.
      token: token ?? jobId,
      ...(sites && { clients: sites }),
      ...(model && { initial_model: model }),
      ...(clonedFrom !== undefined && { cloned_from: clonedFrom }),
    },
    answer: submitted,
    signal,
    waitSeconds: 60,
  });
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

async function fetchBundle({ connection }: Admin, id: string): Promise<Bundle> {
  const { body } = await connection.stream({ method: 'GET', path: `/v1/jobs/${id}/bundle` });
  return unpackBundle(packedBundle.parse(await body.json()));
}

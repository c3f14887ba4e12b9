import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flError } from '../../base/errors/errors.ts';
import { requireNamed } from '../../federation/judgeable.ts';
import { type JobDefinition, NETWORK_TYPE } from '../../job/definition.ts';
import { writeEvaluationJob } from '../../job/evaluation-job.ts';
import { harmonisationOf } from '../../job/harmonisation.ts';
import { localTensorsOf } from '../../job/local-tensors.ts';
import { RUN_FILES } from '../../run/run-folder.ts';
import type { Admin } from './admin.ts';
import { fetchResultFile } from './download-job.ts';
import { checkedOriginal, type OriginalJob } from './original-job.ts';
import { type SubmitOptions, type SubmittedJob, submitJob } from './submit.ts';

export interface EvaluateJobOptions extends Pick<SubmitOptions, 'validDays' | 'signal'> {
  /** Which model of it. */
  readonly which: 'best' | 'final';
  /** What is about to be signed; a refusal is thrown. */
  readonly onOriginal: (job: OriginalJob) => void | Promise<void>;
}

/**
 * Has the sites of a finished job judge its model on their own test images: submits a job of the workflow `evaluation` with its code, network and sites. What
 * the server sends of the old job is taken only if it is what was signed.
 * @param id of the job, or its beginning
 * @throws NF_JOB_NO_MODEL, NF_JOB_EVALUATION, NF_JOB_SIGNATURE, NF_JOB_TERMS
 */
export async function submitEvaluation(
  admin: Admin,
  id: string,
  { which, onOriginal, ...options }: EvaluateJobOptions,
): Promise<SubmittedJob> {
  const { original, meta, signed, bundle, job } = await checkedOriginal(admin, id);
  requireTrainedForSites(job);
  const { files } = await admin.files(meta.job_id).catch((cause: unknown) => {
    throw flError('NF_JOB_NO_MODEL', { job: meta.job_id, which, status: meta.status }, { cause });
  });
  const names: string[] = which === 'best' ? [RUN_FILES.best, RUN_FILES.final] : [RUN_FILES.final];
  const file = names.flatMap((name) => files.find(({ path }) => path === name) ?? [])[0];
  if (!file) throw flError('NF_JOB_NO_MODEL', { job: meta.job_id, which, status: meta.status });
  await onOriginal(original);
  // For its owner alone, as all temporary folders that the system makes.
  const own = await mkdtemp(join(tmpdir(), 'neuroflare-evaluation-'));
  try {
    const model = join(own, 'model.safetensors');
    const { signal } = options;
    await fetchResultFile(admin, { id: meta.job_id, file: { ...file, target: model }, signal });
    const folder = join(own, 'job');
    await writeEvaluationJob(bundle, folder, {
      model: '../model.safetensors',
      sites: original.clients?.length,
    });
    const { terms } = signed;
    return await submitJob(admin, folder, {
      ...options,
      study: terms.version === 2 ? terms.study : meta.study,
      clients: original.clients,
    });
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

/** @throws NF_JOB_EVALUATION of a job whose model its sites could not judge */
function requireTrainedForSites({ model, workflow, data }: JobDefinition): void {
  const refuse = (reason: string) => flError('NF_JOB_EVALUATION', { reason });
  const { spec } = requireNamed({ model, data }, refuse);
  if (spec.type === NETWORK_TYPE)
    throw refuse(
      'it begins with a network that stays as it is (model.type backbone); with workflow.final_evaluation: true the job itself has its sites judge it',
    );
  if (workflow.type === 'evaluation' || workflow.type === 'statistics')
    throw refuse(`a job of the workflow ${workflow.type} trains no model`);
  if (localTensorsOf(workflow).length > 0)
    throw refuse(
      'arrays of it stay at each site (workflow.local_tensors), so that the model at the server is not whole; with workflow.final_evaluation: true the job itself has its sites judge it',
    );
  if (harmonisationOf(workflow))
    throw refuse(
      'it was trained on harmonised pictures (workflow.harmonisation), which only its own run has the means for; with workflow.final_evaluation: true the job itself has its sites judge it',
    );
}

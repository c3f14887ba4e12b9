import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flError } from '../../base/errors/errors.ts';
import { parseJson } from '../../base/parse-json.ts';
import { modelForm } from '../../federation/model-form.ts';
import { filesOf, loadSubmittedJob } from '../../federation/submitted-job.ts';
import { type Bundle, writeBundle } from '../../job/bundle.ts';
import type { JobDefinition } from '../../job/definition.ts';
import { LOCAL_FILES } from '../../job/job-paths.ts';
import type { JobMeta } from '../../network/messages/admin.ts';
import { packedBundle } from '../../network/messages/shapes.ts';
import type { ModelForm, SignedJob } from '../../network/messages/terms.ts';
import { unpackBundle } from '../../network/packed-bundle.ts';
import { originalSigner } from '../../security/job-signature.ts';
import type { Admin } from './admin.ts';

/** A job of the server, as it was signed. */
export interface OriginalJob {
  readonly id: string;
  readonly name: string;
  /** Who signed it last. */
  readonly submitter: string;
  /** Whose job it is, by the server's word. */
  readonly owner: string;
  readonly org: string;
  readonly codeSha256: string;
  /** The sites it was signed for; undefined: any. */
  readonly clients: readonly string[] | undefined;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

export interface CheckedOriginal {
  readonly original: OriginalJob;
  readonly meta: JobMeta;
  readonly signed: SignedJob;
  readonly bundle: Bundle;
  readonly job: JobDefinition;
  readonly form: ModelForm;
}

/**
 * A job of the server, to be signed once more: what the server sends is taken only if it is what was signed before.
 * @param which id of the job, or its beginning
 * @throws NF_JOB_SIGNATURE, NF_JOB_TERMS
 */
export async function checkedOriginal(admin: Admin, which: string): Promise<CheckedOriginal> {
  const meta = await admin.job(which);
  const signed = await admin.signedJob(meta.job_id);
  const bundle = await fetchBundle(admin, meta.job_id);
  const { rootPem, project } = { rootPem: admin.kit.tls.ca, project: admin.kit.project };
  const signer = originalSigner(signed, { rootPem, project });
  requireSame({ which, meta, signed, bundle });
  const { job, form } = await load(bundle, { signed, meta });
  const original = {
    id: meta.job_id,
    name: job.name,
    submitter: signer.name,
    owner: meta.submitter.name,
    org: signer.org,
    codeSha256: bundle.codeSha256,
    clients: (signed.terms.version === 2 && signed.terms.clients) || undefined,
    files: bundle.files.map(({ path, bytes }) => ({ path, size: bytes.length })),
  };
  return { original, meta, signed, bundle, job, form };
}

/** A server could send another job, or other files, and have them signed. */
function requireSame({
  which,
  meta,
  signed: { terms },
  bundle,
}: {
  which: string;
  meta: JobMeta;
  signed: SignedJob;
  bundle: Bundle;
}): void {
  const refuse = (reason: string) => flError('NF_JOB_SIGNATURE', { reason });
  if (!meta.job_id.startsWith(which)) throw refuse(`the server answers with the job ${meta.job_id}`);
  if (terms.job_id !== meta.job_id) throw refuse(`it is of the job ${terms.job_id}`);
  if (terms.bundle_sha256 !== bundle.sha256)
    throw refuse('the files the server sent are not those that were signed');
}

/** A model apart from the files was signed by its digest; version 0.1.0 did not sign it at all. */
function formApart({ terms }: SignedJob, meta: JobMeta): ModelForm | undefined {
  const { initial_model: apart } = meta;
  if (!apart) return undefined;
  if (terms.version === 1) throw flError('NF_JOB_SIGNATURE_OLD', { job: meta.job_id });
  if (terms.model.initial_sha256 === apart.sha256) return terms.model;
  throw flError('NF_JOB_SIGNATURE', { reason: 'its model of round 0 is not the one that was signed' });
}

async function fetchBundle({ connection }: Admin, id: string): Promise<Bundle> {
  const response = await connection.stream({ method: 'GET', path: `/v1/jobs/${id}/bundle` });
  const packed = packedBundle.safeParse(parseJson(await connection.text(response)));
  if (!packed.success) throw connection.unusable('it is no bundle');
  return unpackBundle(packed.data);
}

/** In a folder of its own, which is gone afterwards. */
async function load(
  bundle: Bundle,
  { signed, meta }: { signed: SignedJob; meta: JobMeta },
): Promise<{ job: JobDefinition; form: ModelForm }> {
  const apart = formApart(signed, meta);
  // For its owner alone, as all temporary folders that the system makes.
  const own = await mkdtemp(join(tmpdir(), 'neuroflare-clone-'));
  const folder = join(own, 'job');
  try {
    await writeBundle(bundle, folder);
    const { mostBytes } = LOCAL_FILES;
    const rules = { modelComesApart: apart !== undefined, mostModelBytes: mostBytes };
    const { definition: job } = (await loadSubmittedJob(folder, rules)).job;
    return { job, form: apart ?? (await modelForm(job, { rules: filesOf(folder, mostBytes) })) };
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

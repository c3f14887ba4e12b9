import { z } from 'zod';
import { canonicalJson, sha256 } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { readInputText } from '../../base/files/read-file.ts';
import { parseJson } from '../../base/parse-json.ts';
import { signatureSchema } from '../../network/messages/shapes.ts';
import type { Identity } from '../../security/certificate/identity.ts';
import type { OpenKit } from '../../security/kit/open.ts';
import { signerOfText, signText } from '../../security/signature.ts';
import type { ReportSource } from './gather.ts';

/**
 * `run_record.json`: what a result rests on, small enough to publish beside it. `sha256` is over the canonical JSON of all other
 * fields, so that a changed figure, job, data set or engine is found out; with a kit, its owner stands by that digest.
 */
export function makeRunRecord(source: ReportSource, kit?: OpenKit): Record<string, unknown> {
  const { card, summary, evaluation } = source;
  const record = {
    version: 1,
    kind: 'neuroflare-run-record',
    intended_use: 'Research only; not a medical device.',
    run: { job: summary.job, run_id: summary.run_id, status: summary.status, created: card.created },
    job: { sha256: sha256(canonicalJson(card.job)), bundle_sha256: card.bundle_sha256, seed: card.job.seed },
    workflow: card.job.workflow,
    model: { ...card.job.model },
    data: {
      split_sha256: card.data?.split_sha256 ?? null,
      participants_sha256: evaluation?.data.participants_sha256 ?? null,
      sites: summary.sites,
      subjects: evaluation?.data.per_site ?? null,
    },
    engines: summary.engines,
    software: card.software,
    validation: {
      metric: summary.metric,
      final: summary.final?.value ?? null,
      best: summary.best?.value ?? null,
    },
    evaluation: evaluation
      ? {
          model_sha256: evaluation.model.sha256,
          part: evaluation.data.part,
          headline: evaluation.headline,
          figures: evaluation.figures,
          controls: evaluation.controls,
          ...(evaluation.task === 'classification' && {
            masked: evaluation.masked,
            calibration: { temperature: evaluation.calibration.temperature },
          }),
          engine: evaluation.engine,
          seed: evaluation.seed,
        }
      : null,
    limits: [
      'Groups of images are computed from likeness; they are a lower bound on what belongs to one patient.',
      'Figures hold for images like the judged ones; another scanner or hospital needs its own evaluation.',
    ],
  };
  const digest = sha256(canonicalJson(record));
  return { ...record, sha256: digest, ...(kit && { signature: signText(signedText(digest), kit) }) };
}

/** Of nothing else: a signature of a record is none of a job. */
function signedText(digest: string): string {
  return `neuroflare-run-record ${digest}`;
}

const recordSchema = z.looseObject({
  kind: z.literal('neuroflare-run-record'),
  sha256: z.string(),
  signature: signatureSchema.optional(),
});

export interface CheckedRecord {
  readonly sha256: string;
  /** Undefined if nobody signed it, or nobody's authority was given to check that with. */
  readonly signer: Identity | undefined;
  readonly isSigned: boolean;
}

/** Whether a record is as it was written, and whose word it is. @throws NF_RECORD_INVALID, NF_PATH_MISSING */
export async function checkRunRecord(path: string, rootPem: string | undefined): Promise<CheckedRecord> {
  const refuse = (reason: string, cause?: unknown) =>
    flError('NF_RECORD_INVALID', { path, reason }, { place: { file: path }, cause });
  const text = await readInputText(path);
  const parsed = recordSchema.safeParse(parseJson(text));
  if (!parsed.success) throw refuse('it is no run record', parsed.error);
  const { sha256: digest, signature, ...record } = parsed.data;
  if (sha256(canonicalJson(record)) !== digest) throw refuse('something in it was changed');
  const signer =
    signature && rootPem !== undefined
      ? signerOfText(signature, signedText(digest), { rootPem, refuse })
      : undefined;
  return { sha256: digest, signer, isSigned: signature !== undefined };
}

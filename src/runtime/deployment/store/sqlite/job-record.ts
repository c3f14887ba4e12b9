import { z } from 'zod';
import { flError } from '../../../base/errors/errors.ts';
import { parseJson } from '../../../base/parse-json.ts';
import { jobStatus } from '../../../network/messages/admin.ts';
import { signatureSchema } from '../../../network/messages/shapes.ts';
import { decision } from '../../../network/messages/site.ts';
import { jobTerms } from '../../../network/messages/terms.ts';
import type { DecisionRecord, JobRecord } from '../server-store.ts';

/** A row of the database. */
export type Row = Readonly<Record<string, unknown>>;

/** Columns that `recordOf` needs. */
export const RECORD_COLUMNS = 'id, study, submitter, submitted, status, record';

const text = z.string();
const blob = z.looseObject({ sha256: text, size: z.int() });
/** Of figures and errors the form is looked at where they are shown. */
const map = z.looseObject({});

const resumed = z.looseObject({ time: text, by: text, round: z.int(), ended_by: text.nullable() });

const PARTS: Readonly<Record<Exclude<keyof JobRecord, 'damaged'>, z.ZodType>> = {
  id: text,
  name: text,
  study: text,
  studyId: text.optional(),
  submitter: z.looseObject({ name: text, org: text, role: text.optional() }),
  submitted: text,
  token: text.optional(),
  clonedFrom: text.optional(),
  bundleSha256: text,
  codeSha256: text,
  bundle: blob,
  terms: jobTerms.optional(),
  signature: signatureSchema,
  numRounds: z.int(),
  keyMetric: text,
  clients: z.array(text).optional(),
  initialModel: blob.optional(),
  status: jobStatus,
  started: text.optional(),
  ended: text.optional(),
  minClients: z.int().optional(),
  error: map.optional(),
  outcome: map.optional(),
  resumed: z.array(resumed).optional(),
};
const damagedSchema = z.object({ parts: z.array(text), text });

const UNREADABLE = 'unreadable';

/**
 * The record of a job, whatever its row holds: one that a disk or somebody else has spoilt hides neither itself nor others. What cannot
 * be read of it is named (`damaged`), and what the columns know stands in its place.
 */
export function recordOf(row: Row): JobRecord {
  const written = String(row.record);
  const parsed = map.safeParse(parseJson(written));
  const value = parsed.data ?? {};
  const wrong = Object.entries(PARTS).flatMap(([name, schema]) =>
    schema.safeParse(value[name]).success ? [] : [name],
  );
  const before = damagedSchema.safeParse(value.damaged).data;
  // Every part was looked at.
  if (wrong.length === 0 && before === undefined) return value as unknown as JobRecord;
  const instead = fromColumns(row);
  const parts = [...new Set([...(before?.parts ?? []), ...wrong])];
  return {
    ...value,
    ...Object.fromEntries(wrong.map((name) => [name, instead[name]])),
    damaged: { parts, text: before?.text ?? written },
  } as unknown as JobRecord;
}

function fromColumns({ id, study, submitter, submitted, status }: Row): Readonly<Record<string, unknown>> {
  const known = jobStatus.safeParse(status);
  return {
    id,
    study,
    submitted,
    name: UNREADABLE,
    submitter: { name: submitter, org: UNREADABLE },
    bundleSha256: '',
    codeSha256: '',
    bundle: { sha256: '', size: 0 },
    signature: { algorithm: 'ECDSA-P256-SHA256', certificate: '', signature: '' },
    numRounds: 0,
    keyMetric: UNREADABLE,
    status: known.data ?? 'FINISHED:EXECUTION_EXCEPTION',
  };
}

const decisionSchema = decision.extend({ site: text, time: text });

/** What a site said to a job; of one that cannot be read, that it cannot. */
export function decisionOf({ job, site, decision: written }: Row): DecisionRecord {
  const { data } = decisionSchema.safeParse(parseJson(String(written)));
  if (data) return data;
  const reason = flError('NF_JOB_RECORD', { job: String(job), parts: `the decision of ${String(site)}` });
  return { site: String(site), time: new Date(0).toISOString(), answer: 'refused', reason: reason.report() };
}

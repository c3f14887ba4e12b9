import { z } from 'zod';
import { flError } from '../../base/errors/errors.ts';
import { readInputText } from '../../base/files/read-file.ts';
import { count, estimateSchema } from '../result-parts.ts';

/** Of groups of people: those that a model was trained on, and those that it has not seen. */
const areaSchema = z.object({
  members: count.describe('groups of people that the model was trained on'),
  others: count.describe('groups that it has not seen'),
  auc: estimateSchema.describe('how often a member looks more like one than another does; 0.5 is guessing'),
});

export const privacyAuditSchema = z.object({
  version: z.literal(1),
  kind: z.literal('neuroflare-privacy-audit'),
  job: z.string(),
  run_id: z.string(),
  model_sha256: z.string(),
  seed: count,
  guarantee: z
    .object({
      unit: z.literal('group'),
      epsilon: z.number().nullable().describe('by privacy loss distributions; null: nothing is promised'),
      epsilon_rdp: z.number().nullable().describe('by Renyi divergences, which add up over jobs'),
      delta: z.number(),
      reason: z.string().nullable().describe('why nothing is promised'),
      noise: z.number(),
      sampling_rate: z.number(),
      steps: count,
      clip: z.number(),
    })
    .nullable()
    .describe('null: the job has no privacy'),
  check: z
    .object({
      canaries: count,
      steps: count,
      limit: z.number().describe('standard errors beyond which a check fails'),
      checks: z.array(z.object({ what: z.string(), expected: z.number(), found: z.number(), z: z.number() })),
      faults: z.array(z.string()),
      verdict: z.enum(['as_promised', 'broken']),
    })
    .nullable()
    .describe('of the steps themselves, on canaries; null without privacy'),
  one_run: z
    .object({
      delta: z.number(),
      claimed: z.number().describe('epsilon of the steps at this delta'),
      canaries: count,
      guesses: count,
      right: count,
      bound: z.number().describe('epsilon is at least this with 95 % confidence, if the steps are Gaussian'),
      largest_bound: z.number().describe('what the bound would be if all guesses were right'),
      plain_bound: z.number().describe('the same without that supposition'),
      largest_plain_bound: z.number(),
      verdict: z.enum(['no_contradiction', 'contradicts']),
    })
    .nullable(),
  membership: z.object({
    references: count.describe('models that were trained on other people, by which losses are judged'),
    ...areaSchema.shape,
    at_rates: z.array(
      z.object({
        false_positive_rate: z.number().describe('that is allowed'),
        false_positives: count,
        false_positives_high: z.number().describe('exact upper end (97.5 %) of their rate'),
        found: count.describe('members that are told from others'),
        rate: z.number(),
        low: z.number(),
        high: z.number().describe('exact 95 % interval of the rate'),
        epsilon: z.number().describe('at least, from the two intervals; 0 says nothing'),
      }),
    ),
    by_class: z.array(z.object({ class: z.string(), ...areaSchema.shape })),
    by_site: z.array(z.object({ site: z.string(), ...areaSchema.shape })),
  }),
});

/** `privacy_audit.json` of a run. */
export type PrivacyAudit = z.output<typeof privacyAuditSchema>;

/** @throws NF_PRIVACY_AUDIT_FILE */
export async function readPrivacyAudit(path: string): Promise<PrivacyAudit> {
  const text = await readInputText(path);
  try {
    return privacyAuditSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw flError('NF_PRIVACY_AUDIT_FILE', { path }, { place: { file: path }, cause });
  }
}

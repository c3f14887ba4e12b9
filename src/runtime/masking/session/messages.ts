import { z } from 'zod';
import { canonicalJson, sha256 } from '../../base/digest.ts';
import { compareSites } from '../../base/site-order.ts';
import type { Member } from '../session-keys.ts';

/** What the sites of a session of secure aggregation and the server say to one another (Bonawitz et al. 2017, figure 4). */

const hex = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), `must be ${bytes} bytes in hex`);
const site = z.string().min(1).max(64);

/** What a session is of: a message of one says nothing in another. */
export const aboutSchema = z
  .strictObject({
    project: z.string(),
    job_id: z.string(),
    bundle_sha256: hex(32),
    round: z.int().min(1),
    /** Of a round there may be several, one after another. */
    session: z.int().min(1),
    model_sha256: hex(32),
    threshold: z.int().min(2),
    min_sites: z.int().min(3),
    consistency: z.boolean(),
  })
  .readonly();
export type About = z.output<typeof aboutSchema>;

const memberSchema: z.ZodType<Member> = z
  .strictObject({ site, weight: z.number().positive(), seal: hex(32), mask: hex(32), seed: hex(32) })
  .readonly();

/** Phase 0: who takes part, signed with the key of the site's startup kit. */
export const signedMemberSchema = z
  .strictObject({ about: aboutSchema, member: memberSchema, certificate: z.string(), signature: z.string() })
  .readonly();
export type SignedMember = z.output<typeof signedMemberSchema>;

/** Phase 1: what a site sends each other one, sealed, in base64. */
export const sealedSharesSchema = z.record(site, z.base64()).readonly();
export type SealedShares = z.output<typeof sealedSharesSchema>;

/** Phase 3: whose vectors are in the sum, signed. */
export const agreementSchema = z
  .strictObject({ site, survivors: z.array(site).readonly(), signature: z.string() })
  .readonly();
export type Agreement = z.output<typeof agreementSchema>;

const shareSchema = z.strictObject({ at: z.int().min(1).max(255), bytes: hex(32) }).readonly();
export type WrittenShare = z.output<typeof shareSchema>;

/** What is in an envelope of phase 1. */
export const envelopeSchema = z
  .strictObject({ from: site, to: site, mask: shareSchema, seed: shareSchema })
  .readonly();
export type Envelope = z.output<typeof envelopeSchema>;

/** Phase 4: of each site whose vector is in the sum a share of its seed, of each other one a share of its masking key. */
export const unmaskingSchema = z
  .strictObject({
    site,
    seeds: z.record(site, shareSchema).readonly(),
    masks: z.record(site, shareSchema).readonly(),
  })
  .readonly();
export type Unmasking = z.output<typeof unmaskingSchema>;

/** What the signature of phase 0 is over. */
export function memberText(about: About, member: Member): string {
  return canonicalJson(['neuroflare-secagg-1', 'member', about, member]);
}

/** What the signature of phase 3 is over. @param survivors in any order */
export function agreementText(transcript: string, survivors: readonly string[]): string {
  const sorted = [...survivors].sort(compareSites);
  return canonicalJson(['neuroflare-secagg-1', 'survivors', transcript, sha256(canonicalJson(sorted))]);
}

/** The name by which a seed is bound to its session. */
export function sessionName(about: About): string {
  return sha256(canonicalJson(about));
}

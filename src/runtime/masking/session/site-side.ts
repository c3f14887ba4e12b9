import { z } from 'zod';
import { canonicalJson } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { compareSites } from '../../base/site-order.ts';
import { KEY_BYTES, publicOf } from '../agreement.ts';
import type { Mask } from '../mask-stream.ts';
import { seal, unseal } from '../seal.ts';
import { type Member, ownMask, pairMask, sealKey, seedDigest, transcriptOf } from '../session-keys.ts';
import { type Share, shareSecret } from '../shamir.ts';
import {
  type About,
  type Agreement,
  aboutSchema,
  agreementText,
  type Envelope,
  envelopeSchema,
  memberText,
  type SealedShares,
  type SignedMember,
  sessionName,
  signedMemberSchema,
  type Unmasking,
  type WrittenShare,
} from './messages.ts';

/**
 * One site in one session, as pure functions: `(state, what came) -> { state, what goes }`. The state is JSON; whoever runs it writes it down,
 * durably, before what goes leaves. What is asked again in the same words is answered with the same bytes; in other words it is refused:
 * each phase is for one set of sites alone.
 */

const site = z.string();
const names = z.array(site).readonly();

export const siteStateSchema = z
  .strictObject({
    version: z.literal(1),
    about: aboutSchema,
    own: signedMemberSchema,
    /** In hex. */
    secrets: z.strictObject({ seal: z.string(), mask: z.string(), seed: z.string() }),
    /** Phase 1. */
    members: z.array(signedMemberSchema).readonly().exactOptional(),
    sent: z.record(site, z.string()).readonly().exactOptional(),
    /** The own shares of the own secrets. */
    kept: envelopeSchema.exactOptional(),
    /** Phase 2: who has sent shares, and what was in them. */
    sharers: names.exactOptional(),
    held: z.record(site, envelopeSchema).readonly().exactOptional(),
    /** Phase 3, or 4 where sites agree on nothing. */
    survivors: names.exactOptional(),
    agreed: z.string().exactOptional(),
    /** Phase 4: once it is there something of the session was revealed. */
    revealed: z.boolean().exactOptional(),
  })
  .readonly();
export type SiteState = z.output<typeof siteStateSchema>;

/** What a site signs with. */
export interface Signer {
  readonly certificate: string;
  sign(text: string): string;
}

/** Whether a text was signed by a site: undefined, or why not (a certificate that is none, revoked, of another site, not pinned). */
export type Verify = (claim: {
  readonly site: string;
  readonly certificate: string;
  readonly text: string;
  readonly signature: string;
}) => string | undefined;

type Random = (bytes: number) => Uint8Array;

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));

interface Joining {
  readonly about: About;
  readonly site: string;
  readonly weight: number;
  /** The last session of the same job, if there was one. */
  readonly before?: SiteState | undefined;
}

/**
 * Phase 0: keys, fresh for this session.
 * @throws NF_SECAGG_SESSION of a second session in a round of which something was revealed: the difference of two sums is one site's update
 */
export function joinSession(
  { about, site: own, weight, before }: Joining,
  { certificate, sign }: Signer,
  random: Random,
): { readonly state: SiteState; readonly message: SignedMember } {
  if (before?.revealed && before.about.round === about.round)
    throw flError('NF_SECAGG_SESSION', { reason: 'this site has opened a sum of its round already' });
  const secrets = { seal: random(KEY_BYTES), mask: random(KEY_BYTES), seed: random(KEY_BYTES) };
  const member: Member = {
    site: own,
    weight,
    seal: hexOf(publicOf(secrets.seal)),
    mask: hexOf(publicOf(secrets.mask)),
    seed: seedDigest(secrets.seed, sessionName(about)),
  };
  const message = { about, member, certificate, signature: sign(memberText(about, member)) };
  const written = { seal: hexOf(secrets.seal), mask: hexOf(secrets.mask), seed: hexOf(secrets.seed) };
  return { state: { version: 1, about, own: message, secrets: written }, message };
}

/**
 * Phase 1: shares of the own secrets, sealed for each other member.
 * @throws NF_SECAGG_SESSION, NF_SECAGG_PEER, NF_SECAGG_TOO_FEW
 */
export function shareOut(
  state: SiteState,
  given: readonly SignedMember[],
  { verify, random }: { readonly verify: Verify; readonly random: Random },
): { readonly state: SiteState; readonly message: SealedShares } {
  const members = [...given].sort((a, b) => compareSites(a.member.site, b.member.site));
  if (state.members && state.sent) {
    requireSame(state.members, members, 'the members of the session were others before');
    return { state, message: state.sent };
  }
  requireMembers(state, members, verify);
  const transcript = transcriptOf(
    state.about,
    members.map(({ member }) => member),
  );
  const own = state.own.member.site;
  const holders = { holders: members.length, threshold: state.about.threshold };
  const masks = shareSecret(bytesOf(state.secrets.mask), holders, random);
  const seeds = shareSecret(bytesOf(state.secrets.seed), holders, random);
  const sent: Record<string, string> = {};
  let kept: Envelope | undefined;
  for (const [at, { member }] of members.entries()) {
    const envelope = { from: own, to: member.site, mask: written(masks[at]), seed: written(seeds[at]) };
    if (member.site === own) kept = envelope;
    else sent[member.site] = sealed(state, envelope, { transcript, member });
  }
  if (!kept) throw new Error('A site is a member of its own session.');
  return { state: { ...state, members, sent, kept }, message: sent };
}

function written(share: Share | undefined): WrittenShare {
  if (!share) throw new Error('There is a share for each member.');
  return { at: share.at, bytes: hexOf(share.bytes) };
}

function sealed(
  { secrets }: SiteState,
  envelope: Envelope,
  { transcript, member }: { readonly transcript: Uint8Array; readonly member: Member },
): string {
  const pair = { secret: bytesOf(secrets.seal), peer: bytesOf(member.seal), transcript };
  const key = sealKey(pair, envelope);
  if (!key) throw peerError(member.site, 'nothing can be agreed on with its key');
  const text = new TextEncoder().encode(canonicalJson(envelope));
  return Buffer.from(seal(key, text, hexOf(transcript))).toString('base64');
}

function requireMembers({ about, own }: SiteState, members: readonly SignedMember[], verify: Verify): void {
  const sites = members.map(({ member }) => member.site);
  const twice = sites.find((one, at) => sites.indexOf(one) !== at);
  if (twice !== undefined) throw peerError(twice, 'it is in the session twice');
  for (const { about: other, member, certificate, signature } of members) {
    if (canonicalJson(other) !== canonicalJson(about))
      throw flError('NF_SECAGG_SESSION', { reason: `the keys of ${member.site} are of another session` });
    const reason = verify({ site: member.site, certificate, signature, text: memberText(about, member) });
    if (reason !== undefined) throw peerError(member.site, reason);
  }
  const mine = members.find(({ member }) => member.site === own.member.site);
  if (canonicalJson(mine ?? null) !== canonicalJson(own))
    throw flError('NF_SECAGG_SESSION', { reason: 'the keys of this site are not those that it sent' });
  requireEnough(about, sites.length, 'members');
}

/**
 * Phase 2: the masks that go onto the site's vector.
 * @param sharers who has sent shares @param inbox what each other of them has sent this site
 * @throws NF_SECAGG_SESSION, NF_SECAGG_PEER, NF_SECAGG_TOO_FEW
 */
export function maskVector(
  state: SiteState,
  { sharers: given, inbox }: { readonly sharers: readonly string[]; readonly inbox: SealedShares },
): { readonly state: SiteState; readonly masks: readonly Mask[] } {
  const { members, kept, own } = state;
  if (!members || !kept) throw flError('NF_SECAGG_SESSION', { reason: 'this site has sent no shares' });
  const sharers = [...given].sort(compareSites);
  if (state.sharers) requireSame(state.sharers, sharers, 'those that have sent shares were others before');
  requireWithin(
    sharers,
    members.map(({ member }) => member.site),
    'is no member of the session',
  );
  if (!sharers.includes(own.member.site))
    throw flError('NF_SECAGG_SESSION', { reason: 'this site is left out of it' });
  requireEnough(state.about, sharers.length, 'sites that have sent shares');
  const transcript = transcriptOf(
    state.about,
    members.map(({ member }) => member),
  );
  const masks: Mask[] = [ownMask(bytesOf(state.secrets.seed), own.member.site, transcript)];
  const held: Record<string, Envelope> = { [own.member.site]: kept };
  for (const { member } of members) {
    if (member.site === own.member.site || !sharers.includes(member.site)) continue;
    held[member.site] = opened(state, inbox[member.site], { transcript, member });
    const pair = { secret: bytesOf(state.secrets.mask), peer: bytesOf(member.mask), transcript };
    const mask = pairMask(pair, { own: own.member.site, other: member.site });
    if (!mask) throw peerError(member.site, 'nothing can be agreed on with its key');
    masks.push(mask);
  }
  return { state: { ...state, sharers, held }, masks };
}

function opened(
  { secrets, own, members = [] }: SiteState,
  message: string | undefined,
  { transcript, member }: { readonly transcript: Uint8Array; readonly member: Member },
): Envelope {
  const way = { from: member.site, to: own.member.site };
  const key = sealKey({ secret: bytesOf(secrets.seal), peer: bytesOf(member.seal), transcript }, way);
  const text = key && unseal(key, new Uint8Array(Buffer.from(message ?? '', 'base64')), hexOf(transcript));
  if (!text) throw peerError(member.site, 'what it has sent this site does not open');
  const parsed = envelopeSchema.safeParse(JSON.parse(new TextDecoder().decode(text)));
  const at = 1 + members.findIndex((one) => one.member.site === own.member.site);
  const isMeant =
    parsed.data?.from === way.from &&
    parsed.data.to === way.to &&
    parsed.data.mask.at === at &&
    parsed.data.seed.at === at;
  if (!parsed.success || !isMeant) throw peerError(member.site, 'what it has sent this site are no shares');
  return parsed.data;
}

/** Phase 3: whose vectors are in the sum. @throws NF_SECAGG_SESSION, NF_SECAGG_CONSISTENCY, NF_SECAGG_TOO_FEW */
export function agreeOn(
  state: SiteState,
  given: readonly string[],
  { sign }: Signer,
): { readonly state: SiteState; readonly message: Agreement } {
  const survivors = requireSurvivors(state, given);
  const own = state.own.member.site;
  const signature = state.agreed ?? sign(agreementText(transcriptText(state), survivors));
  return { state: { ...state, survivors, agreed: signature }, message: { site: own, survivors, signature } };
}

/**
 * Phase 4: shares that open the sum, and nothing else: of no site both are given.
 * @param agreements of those whose vectors are in it, where sites agree on that
 * @throws NF_SECAGG_SESSION, NF_SECAGG_CONSISTENCY, NF_SECAGG_TOO_FEW
 */
export function openSum(
  before: SiteState,
  {
    survivors: given,
    agreements,
  }: { readonly survivors: readonly string[]; readonly agreements: readonly Agreement[] },
  verify: Verify,
): { readonly state: SiteState; readonly message: Unmasking } {
  const survivors = requireSurvivors(before, given);
  const state = { ...before, survivors };
  if (state.about.consistency) requireAgreed(state, { survivors, agreements }, verify);
  const { sharers = [], held = {}, own } = state;
  const shares = (kind: 'seed' | 'mask', sites: readonly string[]) =>
    Object.fromEntries(sites.flatMap((one) => (held[one] ? [[one, held[one][kind]]] : [])));
  const gone = sharers.filter((one) => !survivors.includes(one));
  return {
    state: { ...state, revealed: true },
    message: { site: own.member.site, seeds: shares('seed', survivors), masks: shares('mask', gone) },
  };
}

function requireSurvivors(state: SiteState, given: readonly string[]): readonly string[] {
  const { sharers, about, own } = state;
  if (!sharers) throw flError('NF_SECAGG_SESSION', { reason: 'this site has no vector in it' });
  const survivors = [...given].sort(compareSites);
  if (state.survivors && canonicalJson(state.survivors) !== canonicalJson(survivors))
    throw flError('NF_SECAGG_CONSISTENCY', {
      reason: `${survivors.join(', ')} are to be in a sum, and before ${state.survivors.join(', ')} were`,
    });
  requireWithin(survivors, sharers, 'has sent no shares');
  if (!survivors.includes(own.member.site))
    throw flError('NF_SECAGG_SESSION', { reason: 'the vector of this site is not in the sum' });
  requireEnough(about, survivors.length, 'vectors');
  return survivors;
}

function requireAgreed(
  state: SiteState,
  {
    survivors,
    agreements,
  }: { readonly survivors: readonly string[]; readonly agreements: readonly Agreement[] },
  verify: Verify,
): void {
  if (state.agreed === undefined)
    throw flError('NF_SECAGG_CONSISTENCY', {
      reason: 'this site was not asked whose vectors are in the sum',
    });
  const text = agreementText(transcriptText(state), survivors);
  const agreeing = new Set<string>();
  for (const { site: one, signature, survivors: said } of agreements) {
    const certificate = state.members?.find(({ member }) => member.site === one)?.certificate;
    if (certificate === undefined || !survivors.includes(one))
      throw flError('NF_SECAGG_CONSISTENCY', { reason: `${one} has no say in it` });
    if (canonicalJson([...said].sort(compareSites)) !== canonicalJson(survivors))
      throw flError('NF_SECAGG_CONSISTENCY', { reason: `${one} was told of ${said.join(', ')}` });
    const reason = verify({ site: one, certificate, text, signature });
    if (reason !== undefined)
      throw flError('NF_SECAGG_CONSISTENCY', { reason: `what ${one} has signed is another set: ${reason}` });
    agreeing.add(one);
  }
  if (agreeing.size < state.about.threshold)
    throw flError('NF_SECAGG_CONSISTENCY', {
      reason: `${agreeing.size} sites have signed whose vectors are in the sum, and ${state.about.threshold} must`,
    });
}

function transcriptText({ about, members = [] }: SiteState): string {
  return hexOf(
    transcriptOf(
      about,
      members.map(({ member }) => member),
    ),
  );
}

function requireEnough({ threshold, min_sites: least }: About, count: number, what: string): void {
  const needed = Math.max(threshold, least);
  if (count < needed) throw flError('NF_SECAGG_TOO_FEW', { clients: `${count} ${what}`, needed });
}

function requireWithin(sites: readonly string[], all: readonly string[], reason: string): void {
  const stranger = sites.find((one, at) => !all.includes(one) || sites.indexOf(one) !== at);
  if (stranger !== undefined)
    throw peerError(stranger, all.includes(stranger) ? 'it is named twice' : `it ${reason}`);
}

function requireSame(before: unknown, now: unknown, reason: string): void {
  if (canonicalJson(before) !== canonicalJson(now)) throw flError('NF_SECAGG_SESSION', { reason });
}

function peerError(peer: string, reason: string) {
  return flError('NF_SECAGG_PEER', { peer, reason });
}

import { createHash } from 'node:crypto';
import { canonicalJson } from '../base/digest.ts';
import { compareSites } from '../base/site-order.ts';
import { agree, derive } from './agreement.ts';
import type { Mask } from './mask-stream.ts';

/**
 * Keys of one session of secure aggregation (Bonawitz et al., "Practical Secure Aggregation for Privacy-Preserving Machine Learning", 2017,
 * figure 4). Each is bound to all that the session is of: a public key that was exchanged on the way, or one member more, makes other keys
 * at both ends, under which nothing opens.
 */

/** Of this form of a session: another one makes other keys. */
const FORM = 'neuroflare-secagg-1';

/** What a member tells all others before it sends anything else, in hex where it is bytes. */
export interface Member {
  readonly site: string;
  /** What its numbers count for: positive. */
  readonly weight: number;
  /** X25519: to seal what it is sent. */
  readonly seal: string;
  /** X25519: to mask. */
  readonly mask: string;
  /** SHA-256 of its own seed with the session's name: what rebuilds the seed is known by it. */
  readonly seed: string;
}

/** What the keys of a session are bound to: SHA-256 over what it is of and all that its members said. */
export function transcriptOf(about: object, members: readonly Member[]): Uint8Array {
  const sorted = [...members].sort((a, b) => compareSites(a.site, b.site));
  return createHash('sha256')
    .update(canonicalJson([FORM, about, sorted]))
    .digest();
}

/** By what the seed of a member is known once it is rebuilt. */
export function seedDigest(seed: Uint8Array, session: string): string {
  return createHash('sha256').update(seed).update(session).digest('hex');
}

interface Pair {
  /** 32 bytes, of the one. */
  readonly secret: Uint8Array;
  /** 32 bytes, of the other. */
  readonly peer: Uint8Array;
  readonly transcript: Uint8Array;
}

/** What seals the shares that a site sends to another. Undefined of a key with which nothing can be agreed on. */
export function sealKey(
  { secret, peer, transcript }: Pair,
  { from, to }: { readonly from: string; readonly to: string },
): Uint8Array | undefined {
  const common = agree(secret, peer);
  return common && derive(common, { salt: transcript, info: use('seal', from, to) });
}

/**
 * The mask that two sites have in common, as one of them puts it on: the first of them in site order adds it, the other takes it off.
 * Undefined of a key with which nothing can be agreed on.
 */
export function pairMask(
  { secret, peer, transcript }: Pair,
  { own, other }: { readonly own: string; readonly other: string },
): Mask | undefined {
  const common = agree(secret, peer);
  if (!common) return undefined;
  const isFirst = compareSites(own, other) < 0;
  const info = use('mask', ...(isFirst ? [own, other] : [other, own]));
  return { key: derive(common, { salt: transcript, info }), sign: isFirst ? 1 : -1 };
}

/** The mask of one site alone: without it, a vector that comes after its site was given up could be opened. */
export function ownMask(seed: Uint8Array, site: string, transcript: Uint8Array): Mask {
  return { key: derive(seed, { salt: transcript, info: use('own', site) }), sign: 1 };
}

/** Names are apart in JSON, whatever is in them. */
function use(...parts: readonly string[]): string {
  return JSON.stringify([FORM, ...parts]);
}

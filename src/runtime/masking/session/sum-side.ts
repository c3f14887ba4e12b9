import { flError } from '../../base/errors/errors.ts';
import { compareSites } from '../../base/site-order.ts';
import { publicOf } from '../agreement.ts';
import { type Mask, opposite } from '../mask-stream.ts';
import { type Member, ownMask, pairMask, seedDigest, transcriptOf } from '../session-keys.ts';
import { rebuildSecret } from '../shamir.ts';
import { type About, sessionName, type Unmasking, type WrittenShare } from './messages.ts';

/** What whoever sums up makes of the answers of phase 4. */

interface Closed {
  readonly about: About;
  readonly members: readonly Member[];
  /** Who has sent shares. */
  readonly sharers: readonly string[];
  /** Whose vectors are in the sum. */
  readonly survivors: readonly string[];
  readonly unmaskings: readonly Unmasking[];
}

/**
 * What takes the masks off the sum of the vectors. A share that is wrong is found out: the secrets are known by their public keys and
 * digests, so that other shares are taken while there are enough.
 * @throws NF_SECAGG_TOO_FEW where too few right shares came
 */
export function unmaskingMasks({ about, members, sharers, survivors, unmaskings }: Closed): readonly Mask[] {
  const transcript = transcriptOf(about, members);
  const memberOf = new Map(members.map((member) => [member.site, member]));
  const sharesOf = (kind: 'seeds' | 'masks', site: string) =>
    unmaskings.flatMap((answer) => answer[kind][site] ?? []);
  const own = survivors.map((site) => {
    const { seed } = required(memberOf, site);
    const secret = rebuilt(
      sharesOf('seeds', site),
      about,
      (found) => seedDigest(found, sessionName(about)) === seed,
    );
    return ownMask(secret, site, transcript);
  });
  const gone = sharers.filter((site) => !survivors.includes(site)).sort(compareSites);
  // What a site that is gone would have put on, had its vector come.
  const pairs = gone.flatMap((site) => {
    const { mask } = required(memberOf, site);
    const secret = rebuilt(
      sharesOf('masks', site),
      about,
      (found) => Buffer.from(publicOf(found)).toString('hex') === mask,
    );
    return survivors.flatMap((other) => {
      const peer = new Uint8Array(Buffer.from(required(memberOf, other).mask, 'hex'));
      return pairMask({ secret, peer, transcript }, { own: site, other }) ?? [];
    });
  });
  return [...opposite(own), ...pairs];
}

function required(members: ReadonlyMap<string, Member>, site: string): Member {
  const found = members.get(site);
  if (!found) throw new Error(`${site} is no member of the session.`);
  return found;
}

/** Sets of shares that are tried: of 32 sites with 22 shares each one that is wrong is found, and with fewer sites several. */
const MOST_TRIES = 5000;

function rebuilt(
  shares: readonly WrittenShare[],
  { threshold }: About,
  isRight: (secret: Uint8Array) => boolean,
): Uint8Array {
  const known = shares.map(({ at, bytes }) => ({ at, bytes: new Uint8Array(Buffer.from(bytes, 'hex')) }));
  let tries = 0;
  for (const chosen of subsets(known, threshold)) {
    const secret = rebuildSecret(chosen);
    if (isRight(secret)) return secret;
    tries += 1;
    if (tries === MOST_TRIES) break;
  }
  throw flError('NF_SECAGG_TOO_FEW', {
    clients: `${shares.length} shares of a secret, not all right,`,
    needed: threshold,
  });
}

/** All sets of so many items, the first ones first. */
function* subsets<Item>(items: readonly Item[], size: number): Generator<Item[]> {
  if (size === 0) {
    yield [];
    return;
  }
  for (const [at, item] of items.entries()) {
    if (items.length - at < size) return;
    for (const rest of subsets(items.slice(at + 1), size - 1)) yield [item, ...rest];
  }
}

import { flError } from '../../base/errors/errors.ts';
import { openKit } from '../../security/kit/open.ts';
import { approvePeer, keyOf, type ListedPeer, listPeers } from './masked/peers.ts';
import { decided, folderOf, type SitePlace } from './site-desk.ts';

/** What somebody at a site looks at and decides of the other sites, beside the client that runs. */

/** The keys of the other sites, and that of this one, for them. @throws NF_PEERS_INVALID */
export async function peersHere(
  place: SitePlace,
): Promise<{ readonly own: string; readonly peers: readonly ListedPeer[] }> {
  const { tls } = await openKit(place.kitDir, 'client');
  return { own: keyOf(tls.cert), peers: await listPeers(folderOf(place)) };
}

/**
 * The key that is to be approved: the one that waits, or is known by its first use; with `key` that one, seen or not.
 * @throws NF_PEER_UNKNOWN
 */
export async function peerToApprove(
  place: SitePlace,
  { site, key }: { readonly site: string; readonly key?: string | undefined },
): Promise<string> {
  const { identity } = await openKit(place.kitDir, 'client');
  const peers = (await listPeers(folderOf(place))).filter((one) => one.site === site);
  const open = peers.filter(({ state }) => state !== 'approved').map(({ key_sha256: one }) => one);
  const known =
    peers.length === 0
      ? 'No key of it was seen here.'
      : `Seen here: ${peers.map(({ key_sha256: one, state }) => `${one} (${state})`).join('; ')}.`;
  const refuse = (reason: string) => flError('NF_PEER_UNKNOWN', { site, reason, known });
  if (site === identity.name) throw refuse('it is this site itself');
  if (key !== undefined) {
    if (/^[0-9a-f]{64}$/.test(key)) return key;
    throw refuse('--key is no digest of a key: 64 lower-case hex digits');
  }
  const waiting = peers.flatMap(({ state, key_sha256: one }) => (state === 'waiting' ? [one] : []));
  const found = waiting.length > 0 ? waiting : open;
  if (found.length > 1) throw refuse('several keys wait: name one with --key');
  if (found[0] !== undefined) return found[0];
  throw refuse(peers.length > 0 ? 'its key was approved before' : 'there is nothing to approve');
}

/** Lets a key stand for a site, in place of the one before. False if it did already. */
export function letIn(place: SitePlace, site: string, key: string): Promise<boolean> {
  return decided(place, { action: 'peer.approve', detail: `${site} ${key}` }, (folder) =>
    approvePeer(folder, site, key),
  );
}

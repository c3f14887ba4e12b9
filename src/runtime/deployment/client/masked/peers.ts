import { createHash, X509Certificate } from 'node:crypto';
import { userInfo } from 'node:os';
import { z } from 'zod';
import { prettyJson } from '../../../base/digest.ts';
import { flError } from '../../../base/errors/errors.ts';
import { writeFileAtomic } from '../../../base/files/files.ts';
import { lockFolder } from '../../../base/files/lock.ts';
import { readRecord } from '../../../base/files/record-file.ts';
import { compareSites } from '../../../base/site-order.ts';
import { shellWord } from '../../../base/text/shell-word.ts';
import type { ClientFolder } from '../memory/client-folder.ts';

/**
 * The keys of the other sites, as this site knows them. Certificates come from the authority of the project, and whoever runs it could make
 * a second one for any site; a key that was seen once, or read out over the telephone, is what such a certificate cannot have.
 */

const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** What the client has seen; it alone writes this file. */
const seenSchema = z.strictObject({
  seen: z.array(
    z.strictObject({
      site: z.string(),
      key_sha256: digest,
      time: z.iso.datetime(),
      /** Whether the key counts from then on, without anybody's word. */
      pinned: z.boolean(),
    }),
  ),
});
type Seen = z.output<typeof seenSchema>['seen'][number];

/** What people at the site have approved; `client peers approve` alone writes this file. */
const approvedSchema = z.strictObject({
  approved: z.array(
    z.strictObject({
      site: z.string(),
      key_sha256: digest,
      /** Of whom the operating system says so. */
      by: z.string(),
      time: z.iso.datetime(),
    }),
  ),
});
type Approved = z.output<typeof approvedSchema>['approved'][number];

const damaged = (found: { path: string; reason: string }) =>
  flError('NF_PEERS_INVALID', found, { place: { file: found.path } });

type PeerFiles = Pick<ClientFolder, 'peersSeen' | 'peersApproved'>;

/** SHA-256 of the public key (SubjectPublicKeyInfo, DER) of a certificate: the same after a renewal that keeps the key. @param pem of the certificate */
export function keyOf(pem: string): string {
  const key = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('hex');
}

/** One of the other sites, for people. */
export interface ListedPeer {
  readonly site: string;
  readonly key_sha256: string;
  /** first use: seen in a session, and taken; approved: by somebody here; waiting: seen, and not taken. */
  readonly state: 'approved' | 'first use' | 'waiting';
  readonly by: string | null;
  readonly time: string;
}

/** All keys that are known here, and those that wait for somebody's word, in site order. @throws NF_PEERS_INVALID */
export async function listPeers(folder: PeerFiles): Promise<readonly ListedPeer[]> {
  const { approved, seen } = await readPeers(folder);
  const known = approved.map(
    ({ site, key_sha256, by, time }): ListedPeer => ({ site, key_sha256, by, time, state: 'approved' }),
  );
  const others = seen.flatMap((one): ListedPeer[] => {
    const { site, key_sha256, time, pinned } = one;
    const pin = pinOf(site, { approved, seen });
    if (pin?.key_sha256 === key_sha256 && pin.isApproved) return [];
    // A key that was taken at first counts no more once another was approved.
    if (pinned && pin?.key_sha256 !== key_sha256) return [];
    return [{ site, key_sha256, time, by: null, state: pinned ? 'first use' : 'waiting' }];
  });
  return [...known, ...others].sort((a, b) => compareSites(a.site, b.site));
}

/**
 * Lets a key stand for a site from now on, in place of the one before. False if it did already. A client that runs sees it at its next
 * session.
 */
export async function approvePeer(folder: PeerFiles, site: string, key: string): Promise<boolean> {
  const release = await lockFolder(`${folder.peersApproved}.lock`, 'The list of approved peers');
  try {
    const { approved } = await readApproved(folder);
    if (approved.some((one) => one.site === site && one.key_sha256 === key)) return false;
    const one = { site, key_sha256: key, by: userInfo().username, time: new Date().toISOString() };
    const others = approved.filter((known) => known.site !== site);
    await writeFileAtomic(folder.peersApproved, prettyJson({ approved: [...others, one] }));
    return true;
  } finally {
    await release();
  }
}

/** What is asked of a peer before anything is sent to it. */
export interface PeerRules {
  /** first_use: the first key that a site is seen with is its key; pinned: somebody here has to say so. */
  readonly peers: 'first_use' | 'pinned';
  /** How the command that approves one is called, for people. */
  readonly command: string;
}

/** The keys of the peers of one session: looked at first, and written down before anything leaves that depends on them. */
export class PeerKeys {
  readonly #folder: PeerFiles;
  readonly #rules: PeerRules;
  readonly #approved: readonly Approved[];
  #seen: readonly Seen[];
  #isNew = false;

  private constructor(
    folder: PeerFiles,
    rules: PeerRules,
    known: { readonly approved: readonly Approved[]; readonly seen: readonly Seen[] },
  ) {
    this.#folder = folder;
    this.#rules = rules;
    this.#approved = known.approved;
    this.#seen = known.seen;
  }

  /** @throws NF_PEERS_INVALID */
  static async open(folder: PeerFiles, rules: PeerRules): Promise<PeerKeys> {
    return new PeerKeys(folder, rules, await readPeers(folder));
  }

  /** Why a key cannot stand for a site here; undefined: it can. */
  fault(site: string, key: string): string | undefined {
    const pin = pinOf(site, { approved: this.#approved, seen: this.#seen });
    if (pin?.key_sha256 === key) return undefined;
    const { peers, command } = this.#rules;
    const isTaken = pin === undefined && peers === 'first_use';
    const one = { site, key_sha256: key, time: new Date().toISOString(), pinned: isTaken };
    const known = this.#seen.find((other) => other.site === site && other.key_sha256 === key);
    // One that was taken at first, and was given up for another since, waits as any other that is refused.
    if (known?.pinned !== isTaken) {
      this.#seen = [...this.#seen.filter((other) => other !== known), one];
      this.#isNew = true;
    }
    if (isTaken) return undefined;
    const what = pin
      ? `its key is ${short(key)}, and here ${short(pin.key_sha256)} is known as its key`
      : `its key ${short(key)} was not approved at this site (secure_aggregation.peers: pinned)`;
    return `${what}; once ${site} has confirmed its key, '${command} ${shellWord(site)}' lets it in`;
  }

  /** Durable when it returns. */
  async keep(): Promise<void> {
    if (!this.#isNew) return;
    await writeFileAtomic(this.#folder.peersSeen, prettyJson({ seen: this.#seen }), { mode: 0o600 });
    this.#isNew = false;
  }
}

const short = (key: string) => key.slice(0, 16);

interface Known {
  readonly approved: readonly Approved[];
  readonly seen: readonly Seen[];
}

/** What somebody has approved goes before what was seen first. */
function pinOf(
  site: string,
  { approved, seen }: Known,
): { readonly key_sha256: string; readonly isApproved: boolean } | undefined {
  const said = approved.find((one) => one.site === site);
  if (said) return { key_sha256: said.key_sha256, isApproved: true };
  const first = seen.find((one) => one.site === site && one.pinned);
  return first && { key_sha256: first.key_sha256, isApproved: false };
}

async function readPeers(folder: PeerFiles): Promise<Known> {
  const { seen } = (await readRecord(folder.peersSeen, { schema: seenSchema, damaged })) ?? { seen: [] };
  return { seen, approved: (await readApproved(folder)).approved };
}

async function readApproved({ peersApproved: path }: PeerFiles) {
  return (await readRecord(path, { schema: approvedSchema, damaged })) ?? { approved: [] };
}

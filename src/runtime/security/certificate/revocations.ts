import 'reflect-metadata';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as x509 from '@peculiar/x509';
import { flError } from '../../base/errors/errors.ts';
import { timeText } from '../../base/text/time-text.ts';

/** The authority's list of certificates that count no more (RFC 5280, 5). */
export interface Revocations {
  readonly pem: string;
  /** When it was made. */
  readonly at: Date;
  /** Serial numbers, in lower case. */
  readonly serials: ReadonlySet<string>;
}

const PEM = /^-----BEGIN (?:X509 )?CRL-----\s([\w+/=\s]+)-----END (?:X509 )?CRL-----\s*$/;

/** Reads a list that anybody may have brought. @throws NF_REVOKED_LIST unless the authority signed it */
export async function readRevocations(pem: string, rootPem: string): Promise<Revocations> {
  const refuse = (reason: string, cause?: unknown) => flError('NF_REVOKED_LIST', { reason }, { cause });
  let list: x509.X509Crl;
  try {
    const [, base64] = PEM.exec(pem.trimStart()) ?? [];
    if (base64 === undefined) throw new Error('it is no list in PEM');
    list = new x509.X509Crl(Buffer.from(base64, 'base64'));
  } catch (cause) {
    throw refuse('it cannot be read', cause);
  }
  const root = new X509Certificate(rootPem);
  const publicKey = new x509.PublicKey(root.publicKey.export({ type: 'spki', format: 'der' }));
  const isSigned = await list.verify({ publicKey }).catch(() => false);
  if (!isSigned) throw refuse("it is not signed by the project's authority");
  const serials = list.entries.map(({ serialNumber }) => serialNumber.toLowerCase());
  return { pem, at: list.thisUpdate, serials: new Set(serials) };
}

/**
 * Of lists in files, the one that counts: the newer one; undefined where there is none.
 * @throws NF_REVOKED_LIST: without its list a site would let the revoked in
 */
export async function newestList(
  paths: readonly string[],
  rootPem: string,
): Promise<Revocations | undefined> {
  let newest: Revocations | undefined;
  for (const path of paths) {
    const pem = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    const list = pem === undefined ? undefined : await readRevocations(pem, rootPem);
    if (list && (!newest || list.serials.size > newest.serials.size || list.at > newest.at)) newest = list;
  }
  return newest;
}

/**
 * Whether a list may take the place of another: a certificate that was revoked stays so, and whoever brings an older list wants some
 * of it forgotten.
 * @throws NF_REVOKED_LIST
 */
export function requireNewer(list: Revocations, known: Revocations): void {
  const forgotten = [...known.serials].some((serial) => !list.serials.has(serial));
  if (!forgotten && list.at >= known.at) return;
  const reason = `one of ${timeText(known.at)} is known, and this one is of ${timeText(list.at)}`;
  throw flError('NF_REVOKED_LIST', { reason: forgotten ? `${reason} and lacks a part of it` : reason });
}

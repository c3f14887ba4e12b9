import { createPrivateKey, sign, verify, X509Certificate } from 'node:crypto';
import { type Identity, identityOf } from './certificate/identity.ts';
import type { OpenKit } from './kit/open.ts';

/** Whose logs they are. */
export type LogSigner = Pick<Identity, 'name'> & Partial<Pick<Identity, 'type'>>;

/** A participant's signature under where its logs end, and the check of those that are there. */
export function logKey({ tls, identity }: Pick<OpenKit, 'tls' | 'identity'>) {
  const key = createPrivateKey(tls.key);
  return {
    certificate: tls.cert,
    sign: (text: string) => sign('sha256', Buffer.from(text), key).toString('base64'),
    isSigned: isSignedInProject(tls.ca, identity),
  };
}

/**
 * Tells signatures of this project's participants from others; with `signer` those of this one, by its name and what it is: a log that another
 * participant has rewritten and signed is not its own. A certificate that has ended, or was renewed, meanwhile was good then.
 */
export function isSignedInProject(
  rootPem: string,
  signer?: LogSigner,
): (text: string, signature: string, certificate: string) => boolean {
  const root = new X509Certificate(rootPem);
  return (text, signature, pem) => {
    try {
      const certificate = new X509Certificate(pem);
      const isOurs = certificate.checkIssued(root) && certificate.verify(root.publicKey);
      return (
        isOurs &&
        (signer === undefined || isOf(certificate, signer)) &&
        verify('sha256', Buffer.from(text), certificate.publicKey, Buffer.from(signature, 'base64'))
      );
    } catch {
      return false;
    }
  };
}

function isOf(certificate: X509Certificate, { name, type }: LogSigner): boolean {
  const found = identityOf(certificate);
  return found.name === name && (type === undefined || found.type === type);
}

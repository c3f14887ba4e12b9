import { createPrivateKey, sign, verify, X509Certificate } from 'node:crypto';
import type { OpenKit } from './kit/open.ts';

/** A participant's signature under where its logs end, and the check of those that are there. */
export function logKey({ tls }: Pick<OpenKit, 'tls'>) {
  const key = createPrivateKey(tls.key);
  return {
    certificate: tls.cert,
    sign: (text: string) => sign('sha256', Buffer.from(text), key).toString('base64'),
    isSigned: isSignedInProject(tls.ca),
  };
}

/** Tells signatures of this project's participants from others. A certificate that has ended meanwhile was good then. */
export function isSignedInProject(
  rootPem: string,
): (text: string, signature: string, certificate: string) => boolean {
  const root = new X509Certificate(rootPem);
  return (text, signature, pem) => {
    try {
      const certificate = new X509Certificate(pem);
      const isOurs = certificate.checkIssued(root) && certificate.verify(root.publicKey);
      return (
        isOurs && verify('sha256', Buffer.from(text), certificate.publicKey, Buffer.from(signature, 'base64'))
      );
    } catch {
      return false;
    }
  };
}

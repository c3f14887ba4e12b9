import { sign, verify, X509Certificate } from 'node:crypto';
import type { Signature } from '../network/messages/shapes.ts';
import { type Identity, identityOf } from './certificate/identity.ts';
import type { OpenKit } from './kit/open.ts';

const ENCODING = 'ieee-p1363';

/** A kit's word for a text, with the certificate that says whose it is. */
export function signText(text: string, { tls }: Pick<OpenKit, 'tls'>): Signature {
  const bytes = sign('sha256', Buffer.from(text), { key: tls.key, dsaEncoding: ENCODING });
  return { algorithm: 'ECDSA-P256-SHA256', certificate: tls.cert, signature: bytes.toString('base64') };
}

export interface SignatureCheck {
  /** PEM of the authority whose certificates count. */
  readonly rootPem: string;
  /** The moment at which the certificate must be good; undefined: whenever it was. */
  readonly now?: Date | undefined;
  /** Serial numbers of certificates that count no more, in lower case. */
  readonly revoked?: ReadonlySet<string> | undefined;
  /** Makes the error from the reason. */
  readonly refuse: (reason: string, cause?: unknown) => Error;
}

/** Who signed a text. @throws what `refuse` makes */
export function signerOfText(
  signature: Signature,
  text: string,
  { rootPem, now, revoked, refuse }: SignatureCheck,
): Identity {
  const { certificate, root } = read(signature, rootPem, refuse);
  const isIssued = certificate.checkIssued(root) && certificate.verify(root.publicKey);
  if (!isIssued) throw refuse('its certificate is not of this project');
  if (now && (now < certificate.validFromDate || now > certificate.validToDate))
    throw refuse('its certificate is not good today');
  if (revoked?.has(certificate.serialNumber.toLowerCase())) throw refuse('its certificate was revoked');
  const bytes = Buffer.from(signature.signature, 'base64');
  if (!verify('sha256', Buffer.from(text), { key: certificate.publicKey, dsaEncoding: ENCODING }, bytes))
    throw refuse('the signature is of other content');
  return identityOf(certificate);
}

function read(signature: Signature, rootPem: string, refuse: SignatureCheck['refuse']) {
  try {
    return {
      certificate: new X509Certificate(signature.certificate),
      root: new X509Certificate(rootPem),
    };
  } catch (cause) {
    throw refuse('its certificate cannot be read', cause);
  }
}

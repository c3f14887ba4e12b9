/** What to do next, by what is wrong. */
const NEXT = {
  kit: "'neuroflare config inspect KIT' shows whose it is and when it ends; the coordinator renews it.",
  ended:
    "Look with 'neuroflare config inspect KIT' when it ends. The coordinator renews it with 'neuroflare provision --renew NAME'; if it has not ended, compare 'date -u' at both ends and set the clock that is wrong.",
  clock: "Compare 'date -u' at both ends and set the clock that is wrong; the certificate stays as it is.",
  revoked:
    "Ask the coordinator why. To come back, make a new key with 'neuroflare cert request' and have it approved.",
  project: "Compare the fingerprints of the authority with 'neuroflare config inspect KIT' at both ends.",
  list: "Have the coordinator write the list anew ('neuroflare provision --revoke'), or copy state/crl.pem of the authority to local/crl.pem of the server's kit.",
  purpose: "Use the kit that was made for this end: 'neuroflare config inspect KIT' shows whose it is.",
  names:
    'Use a name of the server that its certificate is for, or have the coordinator add this one (host_names in the project file).',
  memory: 'Try again when the machine has memory free.',
} as const;

/**
 * What is wrong with a certificate, by OpenSSL's names as Node.js gives them, in words that follow "it".
 * Names: https://nodejs.org/api/tls.html#x509-certificate-error-codes
 */
const FAULTS: Readonly<Record<string, readonly [words: string, next: string]>> = {
  CERT_HAS_EXPIRED: ['has expired', NEXT.ended],
  CERT_NOT_YET_VALID: ['is not good yet: one of the clocks is wrong', NEXT.clock],
  CERT_REVOKED: ['was revoked', NEXT.revoked],
  UNABLE_TO_GET_ISSUER_CERT: ['is of another project', NEXT.project],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['is of another project', NEXT.project],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['is of another project', NEXT.project],
  SELF_SIGNED_CERT_IN_CHAIN: ['is of another project', NEXT.project],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['is of another project', NEXT.project],
  CERT_SIGNATURE_FAILURE: ['is of another project', NEXT.project],
  CERT_UNTRUSTED: ['is of another project', NEXT.project],
  // There is a list of revoked certificates for the project's authority only.
  UNABLE_TO_GET_CRL: ['is of another project', NEXT.project],
  CERT_REJECTED: ['is marked as not to be trusted', NEXT.kit],
  INVALID_PURPOSE: [
    'is for the other end of the line: a server’s, or one of a site or an admin',
    NEXT.purpose,
  ],
  INVALID_CA: ['was issued by somebody who is no authority', NEXT.project],
  PATH_LENGTH_EXCEEDED: ['was issued by somebody who is no authority', NEXT.project],
  CERT_CHAIN_TOO_LONG: ['has too many issuers above it', NEXT.project],
  HOSTNAME_MISMATCH: ['is for other names', NEXT.names],
  ERR_TLS_CERT_ALTNAME_INVALID: ['is for other names', NEXT.names],
  ERROR_IN_CERT_NOT_BEFORE_FIELD: ['has a date that cannot be read', NEXT.kit],
  ERROR_IN_CERT_NOT_AFTER_FIELD: ['has a date that cannot be read', NEXT.kit],
  UNABLE_TO_DECRYPT_CERT_SIGNATURE: ['has a signature that cannot be read', NEXT.kit],
  UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY: ['has an issuer whose key cannot be read', NEXT.kit],
  CRL_HAS_EXPIRED: ['cannot be judged: the list of revoked certificates has expired', NEXT.list],
  CRL_NOT_YET_VALID: [
    'cannot be judged: the list of revoked certificates is not good yet, a clock is wrong',
    NEXT.clock,
  ],
  CRL_SIGNATURE_FAILURE: ['cannot be judged: the list of revoked certificates was changed', NEXT.list],
  UNABLE_TO_DECRYPT_CRL_SIGNATURE: [
    'cannot be judged: the list of revoked certificates was changed',
    NEXT.list,
  ],
  ERROR_IN_CRL_LAST_UPDATE_FIELD: [
    'cannot be judged: the list of revoked certificates has no good date',
    NEXT.list,
  ],
  ERROR_IN_CRL_NEXT_UPDATE_FIELD: [
    'cannot be judged: the list of revoked certificates has no good date',
    NEXT.list,
  ],
  OUT_OF_MEM: ['cannot be judged: there is no memory left', NEXT.memory],
  // Node.js has no name of its own for an issuer that is no authority.
  UNSPECIFIED: [
    'breaks a rule of certificates (X.509), as one does that no authority has issued',
    NEXT.project,
  ],
};

/** Words that follow "it", and what to do next. Undefined for what is no fault of a certificate. */
export function certificateFault(
  code: string,
): { readonly words: string; readonly next: string } | undefined {
  const [words, next] = (Object.hasOwn(FAULTS, code) && FAULTS[code]) || [];
  return words === undefined || next === undefined ? undefined : { words, next };
}

/** What to do about a certificate of which nothing more is known. */
export const LOOK_AT_KIT: string = NEXT.kit;

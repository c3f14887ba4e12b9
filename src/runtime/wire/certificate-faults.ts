/**
 * What is wrong with a certificate, by OpenSSL's names as Node.js gives them, in words that follow "it".
 * Names: https://nodejs.org/api/tls.html#x509-certificate-error-codes
 */
const FAULTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not good yet: one of the clocks is wrong',
  CERT_REVOKED: 'was revoked',
  UNABLE_TO_GET_ISSUER_CERT: 'is of another project',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'is of another project',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'is of another project',
  SELF_SIGNED_CERT_IN_CHAIN: 'is of another project',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is of another project',
  CERT_SIGNATURE_FAILURE: 'is of another project',
  CERT_UNTRUSTED: 'is of another project',
  // There is a list of revoked certificates for the project's authority only.
  UNABLE_TO_GET_CRL: 'is of another project',
  CERT_REJECTED: 'is marked as not to be trusted',
  INVALID_PURPOSE: 'is for the other end of the line: a server’s, or one of a site or an admin',
  INVALID_CA: 'was issued by somebody who is no authority',
  PATH_LENGTH_EXCEEDED: 'was issued by somebody who is no authority',
  CERT_CHAIN_TOO_LONG: 'has too many issuers above it',
  HOSTNAME_MISMATCH: 'is for other names',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for other names',
  ERROR_IN_CERT_NOT_BEFORE_FIELD: 'has a date that cannot be read',
  ERROR_IN_CERT_NOT_AFTER_FIELD: 'has a date that cannot be read',
  UNABLE_TO_DECRYPT_CERT_SIGNATURE: 'has a signature that cannot be read',
  UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY: 'has an issuer whose key cannot be read',
  CRL_HAS_EXPIRED: 'cannot be judged: the list of revoked certificates has expired',
  CRL_NOT_YET_VALID: 'cannot be judged: the list of revoked certificates is not good yet, a clock is wrong',
  CRL_SIGNATURE_FAILURE: 'cannot be judged: the list of revoked certificates was changed',
  UNABLE_TO_DECRYPT_CRL_SIGNATURE: 'cannot be judged: the list of revoked certificates was changed',
  ERROR_IN_CRL_LAST_UPDATE_FIELD: 'cannot be judged: the list of revoked certificates has no good date',
  ERROR_IN_CRL_NEXT_UPDATE_FIELD: 'cannot be judged: the list of revoked certificates has no good date',
  OUT_OF_MEM: 'cannot be judged: there is no memory left',
  UNSPECIFIED: 'breaks a rule of certificates (X.509)',
};

/** Undefined for what is no fault of a certificate. */
export function certificateFault(code: string): string | undefined {
  return Object.hasOwn(FAULTS, code) ? FAULTS[code] : undefined;
}

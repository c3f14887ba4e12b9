import { sha256 } from '../../../base/digest.ts';

/** The authority's list of revoked certificates as the server has it; sites check the authority's signature themselves. */
export class RevokedList {
  /** PEM; undefined while nobody was revoked. */
  crl: string | undefined;
  digest: string | undefined;

  constructor(crl: string | undefined) {
    this.take(crl);
  }

  take(crl: string | undefined): void {
    this.crl = crl;
    this.digest = crl === undefined ? undefined : sha256(crl);
  }
}

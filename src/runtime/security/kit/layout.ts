import type { ParticipantType } from '../project/schema.ts';

/**
 * A startup kit, laid out as nvflare's: `startup/` is signed and stays as it is, `local/` belongs to the site.
 *
 *     startup/rootCA.pem          certificate of the authority
 *     startup/server.crt, .key    certificate and private key (client.crt, client.key of clients and admins)
 *     startup/fed_server.json     who this is and where the server is (fed_client.json, fed_admin.json)
 *     startup/signature.json      SHA-256 of all of these, signed by the authority
 *     local/…                     what the site may change
 */
export interface KitFiles {
  readonly root: string;
  readonly certificate: string;
  readonly key: string;
  readonly endpoint: string;
  readonly signature: string;
}

export function kitFiles(type: ParticipantType): KitFiles {
  const own = type === 'server' ? 'server' : 'client';
  return {
    root: 'startup/rootCA.pem',
    certificate: `startup/${own}.crt`,
    key: `startup/${own}.key`,
    endpoint: `startup/fed_${type}.json`,
    signature: SIGNATURE_FILE,
  };
}

/** The authority's list of revoked certificates, in the server's kit; it carries its own signature. */
export const REVOKED_FILE = 'local/crl.pem';

export const SIGNATURE_FILE = 'startup/signature.json';

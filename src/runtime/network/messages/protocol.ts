/**
 * The protocol between server, clients and admins: HTTPS with certificates at both ends, JSON, and octet streams for models.
 * Every request carries the version; a stranger is refused by name (NF_PROTOCOL_VERSION).
 */
export const PROTOCOL_VERSION = 2;

/** In lower case, as Node.js gives headers. */
export const HEADER = {
  protocol: 'neuroflare-protocol',
  /** Which process of a site speaks. */
  session: 'neuroflare-session',
  /** Bytes of an upload that are there, or at which a piece begins. */
  uploadOffset: 'upload-offset',
  /** Bytes of the whole file. */
  uploadLength: 'upload-length',
} as const;

/** Seconds a server waits for a sign of life before it takes a site for lost. */
export const LEASE_SECONDS = 10;
/** Seconds a server holds a site's question for work open: a third of the lease, so that two may be lost. */
export const POLL_SECONDS = 3;

export const JSON_TYPE = 'application/json';
export const BYTES_TYPE = 'application/octet-stream';

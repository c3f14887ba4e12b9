import type { ErrorRow } from './row.ts';

/** Whom a server talks to: sites, their sessions and certificates. */
export const SERVER_SESSIONS_ERRORS = {
  NF_SITE_TAKEN: {
    exit: 4,
    status: 409,
    message: 'Another client of {site} is connected, from {address}, since {since}.',
    hint: 'Stop the other one, or give this site a kit of its own.',
  },
  NF_SITE_DISABLED: {
    exit: 2,
    status: 403,
    message: '{site} is disabled at the server.',
    hint: "An admin lets it in again with 'neuroflare system enable-client {$site}'.",
  },
  NF_SESSION_UNKNOWN: {
    exit: 2,
    status: 401,
    message: 'The server does not know this session of {site} (any more).',
    hint: 'The client registers again by itself.',
  },
  NF_SESSION_REPLACED: {
    exit: 4,
    status: 409,
    message: 'A newer client of {site} has taken the place of this one.',
    hint: 'Run one client a site.',
  },
  NF_CERT_REFUSED: {
    exit: 2,
    status: 403,
    message: 'The certificate that was shown is not accepted: {reason}.',
    hint: '{next}',
  },
} as const satisfies Record<string, ErrorRow>;

import type { ErrorRow } from './row.ts';

/** What lies between servers, clients and admins: connections, sessions, their logs. */
export const NETWORK_ERRORS = {
  NF_SERVER_UNREACHABLE: {
    exit: 2,
    message: 'No server answers at {address}{through}: {reason}.',
    hint: "Start the server ('neuroflare server start KIT'), or look at the way to it with 'neuroflare preflight-check KIT'.",
  },
  NF_SERVER_UNTRUSTED: {
    exit: 2,
    message: 'The server at {address} is not the one this kit is for: {reason}.',
    hint: '{next}',
  },
  NF_SERVER_NOT_TLS: {
    exit: 2,
    message: 'What listens at {address} does not speak TLS 1.3.',
    hint: 'Check host and port in the kit: a neuroflare server speaks TLS 1.3 only.',
  },
  NF_TLS_REFUSED: {
    exit: 2,
    message: 'The server at {address} refused the certificate of this kit: {reason}.',
    hint: "'neuroflare config inspect KIT' shows whose it is and when it ends; the coordinator renews it.",
  },
  NF_SERVER_SILENT: {
    exit: 3,
    message: 'The server at {address} does not answer in time{through}.',
    hint: 'Try again; if it stays so, look at the load and the log of the server.',
  },
  NF_CONNECTION_LOST: {
    exit: 2,
    message: 'The connection to {address} was lost.',
    hint: 'Try again; what was under way goes on where it stopped.',
  },
  NF_PROXY_REFUSED: {
    exit: 2,
    message: 'The proxy {proxy} does not let the connection through: {reason}.',
    hint: 'Ask its operator to allow CONNECT to the server, give another --proxy, or name the server in NO_PROXY where the straight way is open.',
  },
  NF_SERVER_ANSWER: {
    exit: 5,
    message: 'The server at {address} gave an answer that cannot be used: {reason}.',
    hint: 'Compare the versions with `neuroflare system version`.',
  },
  NF_SERVER_AUDIT: {
    exit: 1,
    message: 'The audit log of the server is not the one that this site knows: {reason}.',
    hint: 'Ask who runs the server: a backup may have been put back, or the log rewritten. `neuroflare audit verify LOG --root rootCA.pem --head {$path}` compares them; remove {path} to begin anew.',
  },
  NF_SERVER_REFUSAL: {
    exit: 1,
    message: 'The server at {address} refused with what this version does not know: {reason}.',
    hint: 'Compare the versions with `neuroflare system version`.',
  },
  NF_TRANSFER_DIGEST: {
    exit: 1,
    message: 'What came for {path} is not what was asked for: {reason}.',
    hint: 'It is fetched again; if it happens again, the file at the sender or the line damages data.',
  },
  NF_AUDIT_DAMAGED: {
    exit: 1,
    message: 'The log {path} cannot be gone on with: {reason}.',
    hint: "Look at it with 'neuroflare audit verify', keep it and its .head as evidence, and move both away to begin a new one.",
  },
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
  NF_PROTOCOL_VERSION: {
    exit: 4,
    status: 426,
    message: 'This server runs neuroflare {version} and speaks version {own} of its protocol, not {given}.',
    hint: "Install the server's version here ('npm install --global neuroflare@{$version}') and try again; kits, policies and approvals stay as they are.",
  },
  NF_SERVER_OLDER: {
    exit: 4,
    message:
      'The server at {address} speaks an older version of the neuroflare protocol than version {own} of this one.',
    hint: "Have the server upgraded to the neuroflare version of this machine ('neuroflare --version'): its kit, jobs and studies stay as they are.",
  },
  NF_SERVER_BUSY: {
    exit: 2,
    status: 503,
    message: 'The server is stopping or starting.',
    hint: 'Try again in a few seconds.',
  },
  NF_AUDIT_NONE: {
    exit: 4,
    message: 'There is no log to verify at {path}.',
    hint: 'Give the folder of a kit whose server or client has run, or a log file and --root rootCA.pem.',
  },
} as const satisfies Record<string, ErrorRow>;

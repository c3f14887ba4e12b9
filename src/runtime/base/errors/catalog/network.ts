import type { ErrorRow } from './row.ts';

/** What lies between two machines: connections, versions of the protocol, transfers. */
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
} as const satisfies Record<string, ErrorRow>;

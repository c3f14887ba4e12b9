import type { ErrorCode } from '../../base/errors/catalog.ts';
import { type ErrorReport, flError, NeuroflareError } from '../../base/errors/errors.ts';
import { certificateFault } from '../messages/certificate-faults.ts';
import { shownProxy } from './proxy.ts';

/** Errors of Node.js, OpenSSL and undici by what they mean to the user. */

interface Code {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly cause?: unknown;
}

const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name cannot be looked up',
  EHOSTUNREACH: 'there is no way to the host',
  ENETUNREACH: 'there is no way to the network',
  EHOSTDOWN: 'the host is down',
  ETIMEDOUT: 'it does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
};

const PLAIN = [
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  'EPROTO',
];
const LOST = [
  'ECONNRESET',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_DESTROYED',
  'UND_ERR_CLOSED',
  // The answer broke off, and cannot be had from there on.
  'UND_ERR_REQ_RETRY',
];
const SILENT = ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'];

/** A failed request as a named error; undefined for what is no failure of the network. */
export function networkError(
  thrown: unknown,
  { address, proxy }: { address: string; proxy: string | undefined },
): NeuroflareError | undefined {
  const error = deepest(thrown);
  const code = error.code ?? '';
  const shown = proxy === undefined ? '' : shownProxy(proxy);
  const through = proxy === undefined ? '' : ` through the proxy ${shown}`;
  const context = { cause: thrown };
  if (/proxy|tunnel/i.test(error.message ?? '') && proxy !== undefined)
    return flError('NF_PROXY_REFUSED', { proxy: shown, reason: error.message ?? code }, context);
  const unreachable = UNREACHABLE[code];
  if (unreachable)
    return flError('NF_SERVER_UNREACHABLE', { address, through, reason: unreachable }, context);
  const fault = certificateFault(code);
  if (fault !== undefined)
    return flError(
      'NF_SERVER_UNTRUSTED',
      { address, reason: `its certificate ${fault.words}`, next: fault.next },
      context,
    );
  if (PLAIN.includes(code)) return flError('NF_SERVER_NOT_TLS', { address }, context);
  if (/^ERR_SSL_.*ALERT/.test(code))
    return flError(
      'NF_TLS_REFUSED',
      { address, reason: code.replace(/^.*ALERT_/, '').toLowerCase() },
      context,
    );
  if (SILENT.includes(code)) return flError('NF_SERVER_SILENT', { address, through }, context);
  if (LOST.includes(code)) return flError('NF_CONNECTION_LOST', { address }, context);
  if (error.name === 'HTTPParserError')
    return flError('NF_SERVER_ANSWER', { address, reason: 'it is no HTTP' }, context);
  return undefined;
}

/** Node.js wraps the failures of several addresses of one host. */
function deepest(thrown: unknown): Code {
  const error = (thrown ?? {}) as Code & { errors?: readonly unknown[] };
  if (error.errors && error.errors.length > 0 && !UNREACHABLE[error.code ?? ''])
    return deepest(error.errors[0]);
  if (error.cause && error.code === undefined) return deepest(error.cause);
  return error;
}

/** What the server answered: a failure that it names, and that happened there. */
export class ServerRefusal extends NeuroflareError {
  constructor(code: ErrorCode, { message, hint, place }: Omit<ErrorReport, 'code'>) {
    super(code, {}, { place });
    this.message = message;
    Object.assign(this, { hint });
  }
}

const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NF_SERVER_UNREACHABLE',
  'NF_SERVER_SILENT',
  'NF_CONNECTION_LOST',
  'NF_PROXY_REFUSED',
  'NF_SERVER_BUSY',
  'NF_RATE_LIMIT',
  'NF_AT_ONCE',
  'NF_UPLOAD_OFFSET',
  'NF_TRANSFER_DIGEST',
]);

/** Failures of a machine. */
const OF_A_MACHINE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NF_DISK_FULL',
  'NF_STORE_DISK',
  'NF_PATH_DENIED',
  'NF_FILES_OPEN',
  'NF_MEMORY_FULL',
]);

/** Whether trying again later may help, with nothing done here: the line, or the machine of the server. */
export function isPassing(error: NeuroflareError): boolean {
  return PASSING.has(error.code) || (error instanceof ServerRefusal && OF_A_MACHINE.has(error.code));
}

/** Whether it is this machine that fails: somebody here has to make room. */
export function isOfThisMachine(error: NeuroflareError): boolean {
  return OF_A_MACHINE.has(error.code) && !(error instanceof ServerRefusal);
}

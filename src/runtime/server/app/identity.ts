import type { TLSSocket } from 'node:tls';
import type { FastifyRequest } from 'fastify';
import { flError } from '../../kernel/errors.ts';
import { type Identity, identityOfSubject } from '../../security/certificate/identity.ts';
import { HEADER, PROTOCOL_VERSION } from '../../wire/protocol.ts';
import type { App } from './app.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** From the certificate of the connection. */
    identity: Identity;
  }
}

/** OpenSSL's words, in the user's. */
const REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not good yet: one of the clocks is wrong',
  CERT_REVOKED: 'it was revoked',
  UNABLE_TO_GET_ISSUER_CERT: 'it is of another project, or there is none',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'it is of another project',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'it is of another project',
  SELF_SIGNED_CERT_IN_CHAIN: 'it is of another project',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is of another project',
  CERT_SIGNATURE_FAILURE: 'it is of another project',
};

/** Open to whoever has a certificate, whichever version they speak: people and probes come here with other tools. */
const WITHOUT_VERSION = new Set(['/healthz', '/metrics', '/openapi.json']);

/** A connection's certificate does not change while it lasts. */
const known = new WeakMap<object, Identity>();

/** Before anything is read of a request: a certificate of this project, and this protocol. */
export function requireIdentity(app: App): void {
  app.decorateRequest('identity');
  app.addHook('onRequest', async (request, reply) => {
    const socket = request.raw.socket as TLSSocket;
    let identity = known.get(socket);
    if (!identity) {
      reply.header('connection', 'close');
      identity = identityOfPeer(socket);
      reply.removeHeader('connection');
      known.set(socket, identity);
    }
    request.identity = identity;
    requireVersion(request);
    if (request.headers['content-encoding'] !== undefined)
      throw flError('NF_REQUEST_FORM', { reason: 'packed bodies are not taken' });
  });
}

function identityOfPeer(socket: TLSSocket): Identity {
  if (!socket.authorized) {
    const code = String(socket.authorizationError ?? '').replace(/^Error: /, '');
    throw flError('NF_CERT_REFUSED', { reason: REASONS[code] ?? (code || 'there is none') });
  }
  return identityOfSubject(socket.getPeerCertificate().subject);
}

function requireVersion({ headers, url }: FastifyRequest): void {
  const given = headers[HEADER.protocol];
  if (given === String(PROTOCOL_VERSION) || WITHOUT_VERSION.has(url.split('?')[0] ?? '')) return;
  throw flError('NF_PROTOCOL_VERSION', { own: PROTOCOL_VERSION, given: String(given ?? 'none') });
}

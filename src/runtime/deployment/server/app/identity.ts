import type { TLSSocket } from 'node:tls';
import type { FastifyRequest } from 'fastify';
import { flError } from '../../../base/errors/errors.ts';
import { packageVersion } from '../../../base/files/package-version.ts';
import { certificateFault, LOOK_AT_KIT } from '../../../network/messages/certificate-faults.ts';
import { HEADER, PROTOCOL_VERSION } from '../../../network/messages/protocol.ts';
import { type Identity, identityOfSubject } from '../../../security/certificate/identity.ts';
import type { App } from './app.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** From the certificate of the connection. */
    identity: Identity;
  }
}

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
    reply.header(HEADER.protocol, PROTOCOL_VERSION);
    requireVersion(request);
    if (request.headers['content-encoding'] !== undefined)
      throw flError('NF_REQUEST_FORM', { reason: 'packed bodies are not taken' });
  });
}

function identityOfPeer(socket: TLSSocket): Identity {
  if (!socket.authorized) {
    throw flError('NF_CERT_REFUSED', faultOf(socket));
  }
  return identityOfSubject(socket.getPeerCertificate().subject);
}

function faultOf(socket: TLSSocket): { reason: string; next: string } {
  if (Object.keys(socket.getPeerCertificate()).length === 0)
    return {
      reason: 'none was shown',
      next: 'Use a startup kit of this project: its certificate is shown by itself.',
    };
  const code = String(socket.authorizationError ?? '').replace(/^Error: /, '');
  const fault = certificateFault(code) ?? { words: `cannot be used (OpenSSL: ${code})`, next: LOOK_AT_KIT };
  return { reason: `it ${fault.words}`, next: fault.next };
}

function requireVersion({ headers, url }: FastifyRequest): void {
  const given = headers[HEADER.protocol];
  if (given === String(PROTOCOL_VERSION) || WITHOUT_VERSION.has(url.split('?')[0] ?? '')) return;
  throw flError('NF_PROTOCOL_VERSION', {
    version: packageVersion(),
    own: PROTOCOL_VERSION,
    given: String(given ?? 'none'),
  });
}

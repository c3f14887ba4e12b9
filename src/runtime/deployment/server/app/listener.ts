import { constants } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import { createServer as createTcpServer, type Socket } from 'node:net';
import type { FastifyServerFactory } from 'fastify';
import { flError } from '../../../base/errors/errors.ts';
import { STRANGER_LIMITS } from '../../../base/limits.ts';
import type { Logger } from '../../../base/logging/logger.ts';
import { LOOK_AT_KIT } from '../../../network/messages/certificate-faults.ts';
import type { KitTls } from '../../../security/kit/open.ts';
import { rawAnswer } from './errors.ts';
import { type ClosedFor, Strangers } from './strangers.ts';

/** First byte of a TLS record that opens a handshake (RFC 8446, section 5.1). */
const TLS_HANDSHAKE = 0x16;
const PLAIN_ANSWER = [
  'HTTP/1.1 400 Bad Request',
  'content-type: text/plain',
  'connection: close',
  '',
  'This is the TLS port of a neuroflare server: use https and the certificate of a startup kit.\n',
].join('\r\n');

interface ListenerDeps {
  readonly logger: Logger;
  /** One without a certificate of the project was closed. */
  readonly onStranger: (why: ClosedFor) => void;
}

/**
 * Mutual TLS 1.3 on one port. A certificate that is not accepted is let in as far as the first hook, which names the reason;
 * whoever speaks plain HTTP is told what this is. Sessions are not resumed: a revoked certificate would come back with them.
 */
export function listenWithTls(
  tls: KitTls,
  { logger, onStranger }: ListenerDeps,
): FastifyServerFactory<Server> {
  return (handler) => {
    const farewell = rawAnswer(
      flError('NF_CERT_REFUSED', {
        reason: 'nothing was asked with one of this project',
        next: LOOK_AT_KIT,
      }),
    );
    const strangers = new Strangers({ logger, onClosed: onStranger, farewell });
    const server = createServer(
      {
        ...tls,
        rejectUnauthorized: false,
        secureOptions: constants.SSL_OP_NO_TICKET,
        handshakeTimeout: STRANGER_LIMITS.idle_seconds.most * 1000,
      },
      handler,
    );
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      logger.info({ address: socket.remoteAddress, code: error.code }, 'a handshake failed');
    });
    server.on('secureConnection', (socket) => {
      socket.on('error', () => socket.destroy());
      strangers.met(socket);
    });
    const front = createTcpServer({ pauseOnConnect: false, noDelay: true }, (socket) => {
      strangers.add(socket);
      greet(socket, { server, strangers, logger });
    });
    front.on('close', () => strangers.stop());
    return standIn(server, front);
  };
}

function greet(
  socket: Socket,
  { server, strangers, logger }: { server: Server; strangers: Strangers; logger: Logger },
): void {
  socket.on('error', () => socket.destroy());
  socket.once('data', (first) => {
    strangers.shakesHands(socket);
    socket.pause();
    if (first[0] !== TLS_HANDSHAKE) {
      logger.info({ address: socket.remoteAddress }, 'somebody spoke plain HTTP');
      socket.end(PLAIN_ANSWER);
      return;
    }
    socket.unshift(first);
    server.emit('connection', socket);
  });
}

/** The TLS server, whose listening is the front's: Fastify and Node.js see one server. */
function standIn(server: Server, front: ReturnType<typeof createTcpServer>): Server {
  const listen = (...args: Parameters<typeof front.listen>) => {
    front.listen(...args);
    return server;
  };
  for (const event of ['listening', 'error'] as const)
    front.on(event, (value?: Error) => server.emit(event, value));
  const closeHttp = server.close.bind(server);
  return Object.assign(server, {
    listen,
    address: () => front.address(),
    close: (done?: (error?: Error) => void) => {
      front.close(() => done?.());
      closeHttp(() => undefined);
      return server;
    },
  });
}

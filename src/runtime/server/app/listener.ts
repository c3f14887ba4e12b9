import { constants } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import { createServer as createTcpServer, type Socket } from 'node:net';
import type { FastifyServerFactory } from 'fastify';
import type { KitTls } from '../../security/kit/open.ts';
import type { Logger } from '../../telemetry/logger.ts';

/** First byte of a TLS record that opens a handshake (RFC 8446, section 5.1). */
const TLS_HANDSHAKE = 0x16;
const PLAIN_ANSWER = [
  'HTTP/1.1 400 Bad Request',
  'content-type: text/plain',
  'connection: close',
  '',
  'This is the TLS port of a neuroflare server: use https and the certificate of a startup kit.\n',
].join('\r\n');
/** A connection that says nothing is closed. */
const FIRST_BYTE_MS = 10_000;

/**
 * Mutual TLS 1.3 on one port. A certificate that is not accepted is let in as far as the first hook, which names the reason;
 * whoever speaks plain HTTP is told what this is. Sessions are not resumed: a revoked certificate would come back with them.
 */
export function listenWithTls(tls: KitTls, logger: Logger): FastifyServerFactory<Server> {
  return (handler) => {
    const server = createServer(
      {
        ...tls,
        rejectUnauthorized: false,
        secureOptions: constants.SSL_OP_NO_TICKET,
        handshakeTimeout: FIRST_BYTE_MS,
      },
      handler,
    );
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      logger.info({ address: socket.remoteAddress, code: error.code }, 'a handshake failed');
    });
    const front = createTcpServer({ pauseOnConnect: false, noDelay: true }, (socket) =>
      greet(socket, server, logger),
    );
    return standIn(server, front);
  };
}

function greet(socket: Socket, server: Server, logger: Logger): void {
  socket.setTimeout(FIRST_BYTE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.once('data', (first) => {
    socket.setTimeout(0);
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

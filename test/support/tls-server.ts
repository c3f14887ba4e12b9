import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer } from 'node:https';
import { connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { KitTls } from '../../src/runtime/security/kit/open.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A server on a port of this machine, and what it was asked. */
export interface RunningServer {
  readonly port: number;
  /** `METHOD path` of every request, in the order they came. */
  readonly asked: string[];
  close(): Promise<void>;
}

/** HTTPS with the certificates of a kit, as a neuroflare server has it. */
export function serveTls(tls: Partial<KitTls>, handler: Handler): Promise<RunningServer> {
  const asked: string[] = [];
  const listener: RequestListener = (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    handler(request, response);
  };
  return listen(createServer(tls, listener), asked);
}

/** Something that speaks TCP, and whatever else it is told to. */
export function serveTcp(onSocket: (socket: Socket) => void): Promise<RunningServer> {
  return listen(createTcpServer(onSocket), []);
}

/** Plain HTTP. */
export function serveHttp(handler: Handler): Promise<RunningServer> {
  return listen(createHttpServer(handler), []);
}

/** A proxy for CONNECT (RFC 9110, section 9.3.6): lets through, refuses with a status, or says nothing. */
export function serveProxy(answer: number | 'hang' = 200): Promise<RunningServer> {
  const asked: string[] = [];
  const server: HttpServer = createHttpServer((_request, response) => response.writeHead(405).end());
  server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    asked.push(`CONNECT ${request.url}`);
    client.on('error', () => client.destroy());
    if (answer === 'hang') return;
    if (answer !== 200) {
      client.end(`HTTP/1.1 ${answer} No\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const { hostname, port } = new URL(`http://${request.url}`);
    const upstream = connect(Number(port), hostname, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on('error', () => client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
  });
  return listen(server, asked);
}

async function listen(server: Server, asked: string[]): Promise<RunningServer> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** The whole body of a request. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  return Buffer.concat((await request.toArray()) as Buffer[]);
}

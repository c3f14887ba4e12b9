import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';

/** An HTTP proxy that lets CONNECT through (RFC 9110, section 9.3.6), for those who know the password if there is one. */
export class ConnectProxy {
  readonly #server: Server;
  /** Targets that were asked for. */
  readonly asked: string[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen({ password }: { password?: string } = {}): Promise<ConnectProxy> {
    const server = createServer((_request, response) => response.writeHead(405).end());
    const proxy = new ConnectProxy(server);
    const wanted =
      password === undefined ? undefined : `Basic ${Buffer.from(`site:${password}`).toString('base64')}`;
    server.on('connect', (request, client, head) => {
      proxy.asked.push(request.url ?? '');
      if (wanted !== undefined && request.headers['proxy-authorization'] !== wanted) {
        client.end('HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n');
        return;
      }
      const [host = '', port] = (request.url ?? '').split(':');
      const server = connect(Number(port), host, () => {
        client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        server.write(head);
        server.pipe(client).pipe(server);
      });
      for (const socket of [server, client]) socket.on('error', () => undefined);
      server.on('error', () => client.destroy());
      client.on('close', () => server.destroy());
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

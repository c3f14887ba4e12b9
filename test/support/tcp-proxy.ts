import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A line between a client and the server that can be slow, cut, silent, or break after so many bytes. */
export class TcpProxy {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #target = 0;
  /** Bytes a second, each way of each connection. */
  #rate = Number.POSITIVE_INFINITY;
  #hangs = false;
  #refuses = false;
  #breakAfter: number | undefined;
  /** Bytes that went towards the server. */
  sent = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(): Promise<TcpProxy> {
    let proxy: TcpProxy | undefined;
    const server = createServer((socket) => proxy?.join(socket));
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    proxy = new TcpProxy(server);
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  to(port: number): void {
    this.#target = port;
  }

  throttle(bytesPerSecond: number): void {
    this.#rate = bytesPerSecond;
  }

  /** Nothing passes any more and nobody is told: what a pulled cable looks like. */
  hang(): void {
    this.#hangs = true;
  }

  /** Connections of before stay dead; new ones work. */
  resume(): void {
    this.#hangs = false;
    this.#refuses = false;
  }

  /** Every connection is reset, and new ones are, too. */
  cut(): void {
    this.#refuses = true;
    this.reset();
  }

  reset(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
    this.#pairs.clear();
  }

  /** The connection that carries this many more bytes to the server is reset. */
  breakAfter(bytes: number): void {
    this.#breakAfter = this.sent + bytes;
  }

  async close(): Promise<void> {
    this.reset();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  join(client: Socket): void {
    if (this.#refuses) return void client.resetAndDestroy();
    const server = connect(this.#target, '127.0.0.1');
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    const dead = { value: this.#hangs };
    void this.#pump(client, server, { dead, count: true });
    void this.#pump(server, client, { dead, count: false });
    for (const socket of pair) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#pairs.delete(pair);
        if (!dead.value) for (const other of pair) other.destroy();
      });
    }
  }

  async #pump(
    from: Socket,
    to: Socket,
    { dead, count }: { dead: { value: boolean }; count: boolean },
  ): Promise<void> {
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        if (this.#hangs) dead.value = true;
        if (dead.value) return void (await sleep(120_000, undefined, { ref: false }));
        if (count) this.sent += chunk.length;
        if (this.#breakAfter !== undefined && this.sent > this.#breakAfter) {
          this.#breakAfter = undefined;
          from.resetAndDestroy();
          to.resetAndDestroy();
          return;
        }
        if (Number.isFinite(this.#rate)) await sleep((chunk.length / this.#rate) * 1000);
        if (!to.write(chunk))
          await new Promise((resolve) => to.once('drain', resolve).once('close', resolve));
      }
    } catch {
      // The other end is gone, too.
    }
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';

/** Valkey or Redis, where one is installed. */
export const QUEUE_SERVER = ['valkey-server', 'redis-server']
  .map(programOf)
  .find((path) => path !== undefined);

function programOf(name: string): string | undefined {
  const paths = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** A server that keeps nothing on disk: whenever it is started it is empty. */
export class QueueServer {
  readonly #folder: string;
  readonly #words: readonly string[];
  readonly port: number;
  #child: ChildProcess | undefined;

  private constructor(port: number, folder: string, words: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#words = words;
  }

  static async start(folder: string, words: readonly string[] = []): Promise<QueueServer> {
    const server = new QueueServer(await freePort(), folder, words);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const own = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--dir', this.#folder];
    const child = spawn(QUEUE_SERVER ?? '', [...own, ...this.#words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (/ready to accept connections/i.test(said)) resolve();
      });
      child.on('exit', () => reject(new Error(`The server of the queue ended: ${said}`)));
    });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
    rmSync(join(this.#folder, 'dump.rdb'), { force: true });
  }

  /** For what somebody else would do at the server. */
  async with<Result>(work: (redis: Redis) => Promise<Result>): Promise<Result> {
    const redis = new Redis(this.url, { maxRetriesPerRequest: null });
    try {
      return await work(redis);
    } finally {
      redis.disconnect();
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { TINY_SCRIPT, writeJob } from '../../support/job-folder.ts';
import { PROJECT_ADMIN, until } from '../../support/live-federation.ts';
import { ProcessFederation } from '../../support/process-federation.ts';
import { tlsOf } from '../../support/raw-request.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: ProcessFederation;
afterAll(() => federation.close());

/** Of a server: what it and its threads have open when nobody is connected is about 50. */
const FILES = 100;

/** Connections with a good certificate, that ask once and stay. */
class Crowd {
  readonly #sockets = new Set<TLSSocket>();
  #isOver = false;

  /** Those that the server let in and keeps. */
  get size(): number {
    return this.#sockets.size;
  }

  async fill(count: number): Promise<void> {
    const tls = await tlsOf(federation.kits, PROJECT_ADMIN);
    const { port } = federation.kits;
    const open = () => {
      if (this.#isOver) return;
      const socket: TLSSocket = connect({ host: 'localhost', port, servername: 'localhost', ...tls });
      socket.on('secureConnect', () => {
        this.#sockets.add(socket);
        socket.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n');
      });
      socket
        .on('error', () => undefined)
        .on('close', () => {
          this.#sockets.delete(socket);
          setTimeout(open, 100);
        });
      socket.resume();
    };
    for (let one = 0; one < count; one++) open();
  }

  leave(): void {
    this.#isOver = true;
    for (const socket of this.#sockets) socket.destroy();
  }
}

describe('a server that may have few files open', () => {
  it('says so when connections take them all, loses nothing, and goes on when they are gone', async () => {
    federation = await ProcessFederation.make(join(root, 'kits'), { clients: 1 });
    await federation.startAll(1, { hub: { openFiles: FILES } });
    const script = TINY_SCRIPT.replace(
      'const noise',
      'await new Promise((resolve) => setTimeout(resolve, 300));\n  const noise',
    );
    const job = await writeJob(join(root, 'job'), {
      script,
      patch: { workflow: { n_clients: 1, num_rounds: 8, site_timeout: 3600 } },
    });
    const quiet = await federation.submit(job);
    expect(await federation.wait(quiet)).toMatchObject({ status: 'FINISHED:COMPLETED' });
    const id = await federation.submit(job);
    await until(async () => (await federation.admin.job(id)).round >= 1);
    const crowd = new Crowd();
    await crowd.fill(2 * FILES);
    const log = () => readFileSync(join(federation.state, 'log.jsonl'), 'utf8');
    await until(() => log().includes('NF_FILES_OPEN'));
    await until(() => federation.output('hub').includes('Too many files and connections are open'));
    await until(() => federation.output('site-1').includes('Too many files and connections are open'));
    expect(crowd.size).toBeGreaterThan(0);
    crowd.leave();
    expect(await federation.wait(id)).toMatchObject({ status: 'FINISHED:COMPLETED', round: 8 });
    expect(federation.model(id)).toEqual(federation.model(quiet));
    expect(federation.output('hub')).toMatch(
      /(A request could not be answered|tiny [\w-]+ waits for this machine): Too many .* next: Raise the limit/,
    );
    // Where the server keeps its files is not the site's business.
    expect(federation.output('site-1')).not.toContain(federation.state);
    expect((await federation.admin.status()).server.name).toBe('hub');
  });
});

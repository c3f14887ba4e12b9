import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { STRANGER_LIMITS } from '../../../src/runtime/base/limits.ts';
import { LiveFederation, makeLiveKits, until } from '../../support/live-federation.ts';
import { ask, tlsOf } from '../../support/raw-request.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;
const open: { socket: Socket | TLSSocket; heard: string; closed: boolean }[] = [];

beforeAll(async () => {
  federation = new LiveFederation(await makeLiveKits(join(root, 'kits'), { clients: 1 }));
  await federation.startServer();
});
afterEach(() => {
  for (const { socket } of open.splice(0)) socket.destroy();
});
afterAll(() => federation.close());

function watch(socket: Socket | TLSSocket) {
  const one = { socket, heard: '', closed: false };
  socket.setEncoding('utf8').on('data', (text: string) => {
    one.heard += text;
  });
  socket
    .on('error', () => undefined)
    .on('close', () => {
      one.closed = true;
    });
  open.push(one);
  return one;
}
const silent = () => watch(connect(federation.kits.port, '127.0.0.1'));
const nameless = async () => {
  const { ca } = await tlsOf(federation.kits, 'site-1');
  const socket = tlsConnect({ host: '127.0.0.1', port: federation.kits.port, servername: 'localhost', ca });
  const one = watch(socket);
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  return one;
};
const FEW = STRANGER_LIMITS.idle_per_address.most;
const left = () => open.filter(({ closed }) => !closed).length;
const answers = async () => expect((await (await federation.admin()).status()).server.name).toBe('hub');

describe('connections without a certificate of the project', () => {
  it('that say nothing are few of an address, and the oldest go first', async () => {
    const all = Array.from({ length: FEW + 20 }, silent);
    await until(() => left() <= FEW);
    expect(all.slice(-FEW).every(({ closed }) => !closed)).toBe(true);
    await answers();
  });

  it('that ask nothing are few of an address, and hear the reason before they are closed', async () => {
    const all = [];
    for (let one = 0; one < FEW + 5; one++) all.push(await nameless());
    await until(() => left() <= FEW);
    const gone = all.filter(({ closed }) => closed);
    for (const { heard } of gone) expect(heard).toContain('"code":"NF_CERT_REFUSED"');
    await answers();
  });

  it('are closed after their time, the few, too, and counted', async () => {
    const all = [silent(), await nameless()];
    await until(() => all.every(({ closed }) => closed), STRANGER_LIMITS.idle_seconds.most + 20);
    const { body } = await ask(federation.kits, '/metrics', await tlsOf(federation.kits, 'ann@example.org'));
    expect(body).toMatch(/^neuroflare_strangers_closed_total\{why="too many"\} (2[5-9]|[3-9]\d)$/m);
    expect(body).toMatch(/^neuroflare_strangers_closed_total\{why="too old"\} [2-9]$/m);
  });

  it('keep nobody with a certificate from staying', async () => {
    const admin = await federation.admin();
    await admin.status();
    const all = Array.from({ length: 200 }, silent);
    const told = await Promise.all(Array.from({ length: 30 }, () => admin.status()));
    expect(told).toHaveLength(30);
    await until(() => all.filter(({ closed }) => !closed).length <= FEW);
  });
});

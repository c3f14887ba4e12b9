import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { identityOfSubject } from '../../../src/runtime/security/certificate/identity.ts';
import { type KitTls, openKit } from '../../../src/runtime/security/kit/open.ts';
import { renewParticipant, revokeParticipant } from '../../../src/runtime/security/provision.ts';
import { DAY_MS, type Federation, makeFederation } from '../../support/federation-kits.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let ours: Federation;
let theirs: Federation;
let ended: Federation;
const old = new Date(Date.now() - 10 * DAY_MS);

beforeAll(async () => {
  ours = await makeFederation(join(root, 'ours'));
  theirs = await makeFederation(join(root, 'theirs'));
  ended = await makeFederation(join(root, 'ended'), { days: 1, now: old });
});

const tlsOf = async (federation: Federation, name: string, now?: Date): Promise<KitTls> => {
  const type = name === 'hub' ? 'server' : name.includes('@') ? 'admin' : 'client';
  return (await openKit(federation.kit(name), type, now && { now })).tls;
};

interface Handshake {
  /** What the server saw: the peer's identity, or why it refused. */
  readonly server: unknown;
  /** What the client saw. */
  readonly client: string;
  readonly protocol: string | null;
}

/** A real handshake on a real port; with TLS 1.3 a client learns of its refusal when it reads. */
async function shake(serverTls: object, clientTls: object, host = 'localhost'): Promise<Handshake> {
  let seen: unknown;
  const server = createServer(serverTls, (socket: TLSSocket) => {
    seen = identityOfSubject(socket.getPeerCertificate().subject);
    socket.end('welcome');
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    seen = socket.authorizationError ?? error.code ?? error.message;
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const socket = connect({
    host: '127.0.0.1',
    port,
    servername: host === '127.0.0.1' ? '' : host,
    ...clientTls,
  });
  const { client, protocol } = await new Promise<Omit<Handshake, 'server'>>((resolve) => {
    let text = '';
    let negotiated: string | null = null;
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    socket.on('secureConnect', () => {
      negotiated = socket.getProtocol();
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      resolve({ client: error.code ?? error.message, protocol: null }),
    );
    socket.on('close', () => resolve({ client: text, protocol: negotiated }));
  });
  await new Promise((resolve) => server.close(resolve));
  return { server: seen, client, protocol };
}

describe('a handshake between kits', () => {
  it.each(['site-1', 'site-2', 'ann@example.org'])(
    'lets %s in, by its name and over TLS 1.3',
    async (name) => {
      const result = await shake(await tlsOf(ours, 'hub'), await tlsOf(ours, name));
      expect(result).toMatchObject({ client: 'welcome', protocol: 'TLSv1.3', server: { name } });
    },
  );

  it('works by IP address, when the certificate is good for it', async () => {
    const result = await shake(await tlsOf(ours, 'hub'), await tlsOf(ours, 'site-1'), '127.0.0.1');
    expect(result.client).toBe('welcome');
  });

  it("refuses a client of a stranger's authority, and a stranger's server", async () => {
    const atServer = await shake(await tlsOf(ours, 'hub'), {
      ...(await tlsOf(theirs, 'site-1')),
      ca: (await tlsOf(ours, 'site-1')).ca,
    });
    expect(atServer.client).not.toBe('welcome');
    expect(String(atServer.server)).toMatch(/CERT|SIGNATURE|VERIF/i);
    const atClient = await shake(await tlsOf(theirs, 'hub'), await tlsOf(ours, 'site-1'));
    expect(atClient.client).toMatch(/CERT|SIGNATURE/);
  });

  it('refuses a client without a certificate', async () => {
    const { ca } = await tlsOf(ours, 'site-1');
    const result = await shake(await tlsOf(ours, 'hub'), { ca });
    expect(result.client).not.toBe('welcome');
    expect(String(result.server)).toMatch(/DID_NOT_RETURN_A_CERTIFICATE/);
  });

  it('refuses a revoked certificate, and no other', async () => {
    const workspace = join(root, 'revoked');
    const federation = await makeFederation(workspace);
    await revokeParticipant('site-1', { workspace, now: new Date() });
    const server = await tlsOf(federation, 'hub');
    const refused = await shake(server, await tlsOf(federation, 'site-1'));
    expect(refused.client).not.toBe('welcome');
    expect(refused.server).toBe('CERT_REVOKED');
    expect((await shake(server, await tlsOf(federation, 'site-2'))).client).toBe('welcome');
    await revokeParticipant('site-2', { workspace, now: new Date() });
    const later = await shake(await tlsOf(federation, 'hub'), await tlsOf(federation, 'site-1'));
    expect(later.server).toBe('CERT_REVOKED');
    const renewal = renewParticipant('site-1', { workspace, days: 9, rootDays: 9, now: new Date() });
    await expect(renewal).rejects.toMatchObject({ code: 'NF_PARTICIPANT_REVOKED' });
    const again = await makeFederation(workspace);
    expect((await tlsOf(again, 'hub')).crl).toContain('X509 CRL');
    await writeFile(join(again.kit('hub'), 'local/crl.pem'), 'x');
    await expect(tlsOf(again, 'hub')).rejects.toMatchObject({ code: 'NF_KIT_FAULTY' });
  });

  it('refuses an expired certificate at both ends', async () => {
    const server = await tlsOf(ended, 'hub', old);
    const client = await tlsOf(ended, 'site-1', old);
    expect((await shake(server, client)).client).toBe('CERT_HAS_EXPIRED');
    const trusting = await shake(server, { ...client, rejectUnauthorized: false });
    expect(trusting.client).not.toBe('welcome');
    expect(String(trusting.server)).toMatch(/CERT_HAS_EXPIRED|VERIFY/i);
  });

  it('refuses a client kit that plays the server, and a server kit that plays a client', async () => {
    const asServer = await shake(await tlsOf(ours, 'site-2'), await tlsOf(ours, 'site-1'));
    expect(asServer.client).toMatch(/PURPOSE/);
    const asClient = await shake(await tlsOf(ours, 'hub'), await tlsOf(ours, 'hub'));
    expect(asClient.client).not.toBe('welcome');
    expect(String(asClient.server)).toMatch(/PURPOSE|VERIFY/i);
  });

  it('refuses the right server under a wrong name', async () => {
    const result = await shake(await tlsOf(ours, 'hub'), await tlsOf(ours, 'site-1'), 'elsewhere.example');
    expect(result.client).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  });

  it('speaks nothing older than TLS 1.3', async () => {
    const { minVersion: _, ...rest } = await tlsOf(ours, 'site-1');
    const result = await shake(await tlsOf(ours, 'hub'), {
      ...rest,
      maxVersion: 'TLSv1.2',
      minVersion: 'TLSv1.2',
    });
    expect(result.client).toMatch(/VERSION|PROTOCOL/);
  });
});

const openssl = spawnSync('openssl', ['version']).status === 0;

describe.skipIf(!openssl)('openssl', () => {
  const run = (...words: string[]) => {
    const { stdout, stderr, status } = spawnSync('openssl', words, { encoding: 'utf8' });
    return { text: `${stdout}${stderr}`, status };
  };
  const file = (name: string, path: string) => join(ours.kit(name), 'startup', path);

  it.each([
    ['hub', 'server.crt', 'sslserver', 0],
    ['hub', 'server.crt', 'sslclient', 2],
    ['site-1', 'client.crt', 'sslclient', 0],
    ['site-1', 'client.crt', 'sslserver', 2],
  ])('verifies %s/%s as %s: %i', (name, path, purpose, status) => {
    const result = run(
      'verify',
      '-x509_strict',
      '-CAfile',
      file(name, 'rootCA.pem'),
      '-purpose',
      purpose,
      file(name, path),
    );
    expect(result.status === 0 ? 0 : 2, result.text).toBe(status);
  });

  it('reads the extensions', () => {
    const authority = run('x509', '-in', file('hub', 'rootCA.pem'), '-noout', '-text').text;
    expect(authority).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    expect(authority).toMatch(/Key Usage: critical\s+Digital Signature, Certificate Sign, CRL Sign/);
    const server = run('x509', '-in', file('hub', 'server.crt'), '-noout', '-text').text;
    expect(server).toMatch(/CA:FALSE/);
    expect(server).toMatch(/DNS:localhost, DNS:hub, IP Address:127\.0\.0\.1/);
    expect(server).toMatch(/TLS Web Server Authentication/);
    expect(server).toMatch(/Subject: CN ?= ?hub, O ?= ?university, OU ?= ?server/);
    expect(server).toMatch(/ecdsa-with-SHA256/);
  });
});

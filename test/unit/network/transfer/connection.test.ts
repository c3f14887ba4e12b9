import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { flError } from '../../../../src/runtime/base/errors/errors.ts';
import { Connection, type ConnectionOptions } from '../../../../src/runtime/network/transfer/connection.ts';
import { isPassing, networkError } from '../../../../src/runtime/network/transfer/failures.ts';
import { type KitTls, openKit } from '../../../../src/runtime/security/kit/open.ts';
import { DAY_MS, type Federation, makeFederation } from '../../../support/federation-kits.ts';
import { LIMITS } from '../../../support/limits.ts';
import { tempFolder } from '../../../support/temp-folder.ts';
import {
  bodyOf,
  type Handler,
  type RunningServer,
  serveHttp,
  serveProxy,
  serveTcp,
  serveTls,
} from '../../../support/tls-server.ts';

const root = tempFolder();
const answer = z.strictObject({ ok: z.literal(true) });
let hub: KitTls;
let site: KitTls;
let theirHub: KitTls;
let theirSite: KitTls;
let endedHub: KitTls;
let endedSite: KitTls;
const running: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  const old = new Date(Date.now() - 10 * DAY_MS);
  const make = (name: string, over = {}) => makeFederation(join(root, name), over);
  const [ours, theirs, ended] = await Promise.all([
    make('ours'),
    make('theirs'),
    make('ended', { days: 1, now: old }),
  ]);
  const tls = async (federation: Federation, type: 'server' | 'client', now = new Date()) =>
    (await openKit(federation.kit(type === 'server' ? 'hub' : 'site-1'), type, { now })).tls;
  [hub, site, theirHub, theirSite] = await Promise.all([
    tls(ours, 'server'),
    tls(ours, 'client'),
    tls(theirs, 'server'),
    tls(theirs, 'client'),
  ]);
  [endedHub, endedSite] = await Promise.all([tls(ended, 'server', old), tls(ended, 'client', old)]);
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.close()));
});

const keep = async <One extends { close(): Promise<void> }>(one: Promise<One>): Promise<One> => {
  running.push(await one);
  return one;
};
const serve = (handler: Handler, tls: Partial<KitTls> = hub) => keep(serveTls(tls, handler));
const to = (port: number, over: Partial<ConnectionOptions> = {}) => {
  const connection = new Connection({
    host: 'localhost',
    port,
    tls: site,
    connectSeconds: LIMITS.moment,
    silenceSeconds: LIMITS.moment,
    ...over,
  });
  running.push(connection);
  return connection;
};
const ask = (connection: Connection, over: object = {}) =>
  connection.send({ method: 'GET', path: '/x', answer, ...over });
const fine: Handler = (_request, response) => response.end('{"ok":true}');
/** The code and exit code of the error a question ends with. */
const faultOf = async (connection: Connection, over: object = {}) => {
  try {
    await ask(connection, over);
    return 'fine';
  } catch (error) {
    return error;
  }
};
const named = (code: string, text = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(text) });

describe('a question', () => {
  it('is asked over mutual TLS, with the version of the protocol, and answered', async () => {
    let seen: object = {};
    const { port } = await serve(async (request, response) => {
      const { method, url, headers } = request;
      const socket = request.socket as import('node:tls').TLSSocket;
      seen = {
        method,
        url,
        headers,
        peer: socket.getPeerCertificate().subject.CN,
        protocol: socket.getProtocol(),
        body: JSON.parse((await bodyOf(request)).toString()),
      };
      response.end('{"ok":true}');
    });
    const body = { text: 'ä\u2028' };
    const connection = to(port);
    expect(
      await ask(connection, { method: 'POST', path: '/a?b=c', body, headers: { 'x-own': '1' } }),
    ).toEqual({
      ok: true,
    });
    expect(seen).toMatchObject({
      method: 'POST',
      url: '/a?b=c',
      peer: 'site-1',
      protocol: 'TLSv1.3',
      body,
      headers: {
        'neuroflare-protocol': '2',
        'user-agent': expect.stringMatching(/^neuroflare\/\d/),
        'content-type': 'application/json',
        'x-own': '1',
      },
    });
    expect(connection.address).toBe(`localhost:${port}`);
  });

  it.each(['localhost', '127.0.0.1'])('reaches the server as %s', async (host) => {
    const { port } = await serve(fine);
    expect(await ask(to(port, { host }))).toEqual({ ok: true });
  });

  it('uses connections again', async () => {
    const sockets = new Set<unknown>();
    const { port } = await serve((request, response) => {
      sockets.add(request.socket);
      response.end('{"ok":true}');
    });
    const connection = to(port);
    for (let times = 0; times < 10; times++) await ask(connection);
    expect(sockets.size).toBeLessThan(3);
  });

  it('may have an answer without content', async () => {
    const { port } = await serve((_request, response) => response.writeHead(204).end());
    expect(await ask(to(port), { answer: z.undefined() })).toBeUndefined();
  });

  it('is written with brackets around an address of IPv6', () => {
    expect(to(4711, { host: '::1' }).address).toBe('[::1]:4711');
  });

  it('ends at once with the reason of a signal', async () => {
    const { port } = await serve(() => undefined);
    const stop = new AbortController();
    const asked = ask(to(port), { signal: stop.signal, waitSeconds: 60 });
    setTimeout(() => stop.abort(new Error('enough')), 50);
    await expect(asked).rejects.toThrow('enough');
    await expect(ask(to(port), { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
  });

  it('is not answered by a connection that was closed', async () => {
    const { port } = await serve(fine);
    const connection = to(port);
    await connection.close();
    expect(await faultOf(connection)).toEqual(named('NF_CONNECTION_LOST'));
  });
});

describe('what a server refuses', () => {
  it('comes out as the error it named, with place and hint', async () => {
    const report = flError(
      'NF_SITE_DISABLED',
      { site: 'site-1' },
      { place: { site: 'site-1', round: 3 } },
    ).report();
    const { port } = await serve((_request, response) => response.writeHead(403).end(JSON.stringify(report)));
    expect(await faultOf(to(port))).toMatchObject({ ...report, exitCode: 2 });
  });

  it.each<[string, string, string]>([
    [
      'an error of a newer server',
      '{"code":"NF_FROM_TOMORROW","message":"m","hint":"h","exitCode":4}',
      'NF_FROM_TOMORROW: m',
    ],
    [
      'a name that every object has',
      '{"code":"constructor","message":"m","hint":"h","exitCode":4}',
      'constructor: m',
    ],
  ])('that is not known here is a refusal all the same: %s', async (_, text, reason) => {
    const { port } = await serve((_request, response) => response.writeHead(400).end(text));
    expect(await faultOf(to(port))).toEqual(named('NF_SERVER_REFUSAL', reason));
  });

  it.each<[string, number, string, string]>([
    ['no error', 500, '{"status":"broken"}', 'HTTP 500'],
    [
      'an error with keys of a stranger',
      400,
      '{"code":"NF_SITE_DISABLED","message":"m","hint":"h","exitCode":4,"x":1}',
      'HTTP 400',
    ],
    ['a web page', 502, '<html>Bad gateway</html>', 'HTTP 502'],
    ['nothing', 404, '', 'HTTP 404'],
  ])('is told as it is: %s', async (_, status, text, reason) => {
    const { port } = await serve((_request, response) => response.writeHead(status).end(text));
    expect(await faultOf(to(port))).toEqual(named('NF_SERVER_ANSWER', reason));
  });

  it.each(['{"ok":false}', '{"ok":true,"more":1}', '[]', 'null', 'x', '', '{"ok":tr'])(
    'is not taken for an answer: %j',
    async (text) => {
      const { port } = await serve((_request, response) => response.end(text));
      expect(await faultOf(to(port))).toEqual(named('NF_SERVER_ANSWER', 'it has another form'));
    },
  );

  it('comes out of a stream, too', async () => {
    const report = flError('NF_FILE_UNKNOWN', { path: 'x' }).report();
    const { port } = await serve((_request, response) => response.writeHead(404).end(JSON.stringify(report)));
    await expect(to(port).stream({ method: 'GET', path: '/x' })).rejects.toMatchObject(report);
  });
});

describe('a way that is no way', () => {
  it('leads to nobody', async () => {
    const { port, close } = await serveTcp(() => undefined);
    await close();
    const fault = await faultOf(to(port));
    expect(fault).toEqual(named('NF_SERVER_UNREACHABLE', `localhost:${port}: nobody listens there`));
    expect(isPassing(fault as never)).toBe(true);
  });

  it('leads to a host that is unknown', async () => {
    expect(await faultOf(to(443, { host: 'nobody.invalid' }))).toEqual(
      named('NF_SERVER_UNREACHABLE', 'nobody.invalid'),
    );
  });

  it('leads to one who does not shake hands', async () => {
    const { port } = await keep(serveTcp(() => undefined));
    expect(await faultOf(to(port, { connectSeconds: 0.2 }))).toEqual(
      named('NF_SERVER_UNREACHABLE', 'it does not answer'),
    );
  });

  it('leads to one who hangs up', async () => {
    const { port } = await keep(serveTcp((socket) => socket.destroy()));
    expect(await faultOf(to(port))).toEqual(named('NF_CONNECTION_LOST'));
  });

  it('leads to plain HTTP', async () => {
    const { port } = await keep(serveHttp(fine));
    const fault = await faultOf(to(port));
    expect(fault).toEqual(named('NF_SERVER_NOT_TLS', `localhost:${port}`));
    expect(isPassing(fault as never)).toBe(false);
  });

  it('leads to something else that talks', async () => {
    const { port } = await keep(serveTcp((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')));
    expect(await faultOf(to(port))).toEqual(named('NF_SERVER_NOT_TLS'));
  });
});

describe('a certificate', () => {
  const fault = async (serverTls: Partial<KitTls>, clientTls: KitTls, host = 'localhost') => {
    const { port, asked } = await serve(fine, serverTls);
    const found = await faultOf(to(port, { tls: clientTls, host }));
    expect(asked).toEqual([]);
    expect(isPassing(found as never)).toBe(false);
    return found;
  };

  it("of another project's server is not trusted", async () => {
    expect(await fault(theirHub, site)).toEqual(named('NF_SERVER_UNTRUSTED', 'of another project'));
  });

  it('of a server that has expired is not trusted', async () => {
    expect(await fault(endedHub, endedSite)).toEqual(named('NF_SERVER_UNTRUSTED', 'has expired'));
  });

  it('of a site that plays the server is not trusted', async () => {
    expect(await fault({ ...hub, cert: site.cert, key: site.key }, site)).toEqual(
      named('NF_SERVER_UNTRUSTED'),
    );
  });

  it('of a server under another name is not trusted', async () => {
    const { port } = await serve(fine);
    const found = await faultOf(to(port, { host: '127.0.0.2' }));
    // Not every system has this address.
    if ((found as { code: string }).code === 'NF_SERVER_UNREACHABLE') return;
    expect(found).toEqual(named('NF_SERVER_UNTRUSTED', 'for other names'));
  });

  it("of another project's site gets nowhere", async () => {
    const { port, asked } = await serve(fine);
    const found = await faultOf(to(port, { tls: { ...theirSite, ca: site.ca } }));
    // The server hangs up after the client's end of the handshake; its alert may come too late to be seen.
    expect((found as { code: string }).code).toMatch(/^NF_(TLS_REFUSED|CONNECTION_LOST)$/);
    expect(asked).toEqual([]);
  });

  it('of a server of TLS 1.2 alone is not talked to', async () => {
    const old = { ...hub, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' };
    expect(await fault(old as never, site)).toEqual(named('NF_SERVER_NOT_TLS'));
  });
});

describe('a server that is slow or breaks', () => {
  it('is silent when it does not answer in time', async () => {
    const { port } = await serve(() => undefined);
    const fault = await faultOf(to(port), { waitSeconds: 0.3 });
    expect(fault).toEqual(named('NF_SERVER_SILENT', `localhost:${port}`));
    expect(fault).toMatchObject({ exitCode: 3 });
    expect(isPassing(fault as never)).toBe(true);
  });

  it('is silent when it stops in the middle of an answer', async () => {
    const { port } = await serve((_request, response) => void response.writeHead(200).write('{"ok"'));
    expect(await faultOf(to(port, { silenceSeconds: 0.5 }))).toEqual(named('NF_SERVER_SILENT'));
  });

  it('is waited for as long as it was told to', async () => {
    const { port } = await serve((_request, response) => setTimeout(() => response.end('{"ok":true}'), 900));
    expect(await ask(to(port, { silenceSeconds: 0.5 }), { waitSeconds: LIMITS.moment })).toEqual({
      ok: true,
    });
  });

  it('is asked once more when the connection breaks before an answer', async () => {
    let times = 0;
    const { port, asked } = await serve((request, response) => {
      times += 1;
      if (times === 1) request.socket.destroy();
      else response.end('{"ok":true}');
    });
    expect(await ask(to(port), { method: 'POST', body: {} })).toEqual({ ok: true });
    expect(asked).toEqual(['POST /x', 'POST /x']);
  });

  it('is lost when it breaks each time', async () => {
    const { port, asked } = await serve((request) => request.socket.destroy());
    const fault = await faultOf(to(port));
    expect(fault).toEqual(named('NF_CONNECTION_LOST'));
    expect(asked).toHaveLength(2);
    expect(isPassing(fault as never)).toBe(true);
  });

  it.each(['GET', 'POST'])('is lost when it breaks in the middle of an answer to %s', async (method) => {
    const { port } = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '11' });
      response.write('{"ok"');
      setTimeout(() => response.destroy(), 20);
    });
    expect(await faultOf(to(port), { method })).toEqual(named('NF_CONNECTION_LOST'));
  });

  it('is lost when its answer is no HTTP', async () => {
    const { port } = await serve((request) => void request.socket.end('what?\r\n\r\n'));
    expect(await faultOf(to(port))).toEqual(named('NF_SERVER_ANSWER'));
  });
});

describe('a proxy', () => {
  let proxy: RunningServer;
  const through = async (answerOf: number | 'hang', handler: Handler = fine) => {
    proxy = await keep(serveProxy(answerOf));
    const { port } = await serve(handler);
    const hung = answerOf === 'hang' && { connectSeconds: 0.5, silenceSeconds: 0.5 };
    return to(port, { proxy: `http://127.0.0.1:${proxy.port}`, ...hung });
  };

  it('lets through, and sees no more than host and port', async () => {
    const connection = await through(200);
    expect(await ask(connection)).toEqual({ ok: true });
    expect(proxy.asked).toEqual([`CONNECT ${connection.address}`]);
  });

  it('is named without its password', async () => {
    proxy = await keep(serveProxy(407));
    const fault = await faultOf(to(4711, { proxy: `http://ann:secret@127.0.0.1:${proxy.port}` }));
    expect(fault).toEqual(named('NF_PROXY_REFUSED', `http://***@127.0.0.1:${proxy.port}`));
  });

  it.each([403, 407, 502])('that says %d is named', async (status) => {
    const fault = await faultOf(await through(status));
    expect(fault).toEqual(named('NF_PROXY_REFUSED', String(status)));
    expect(fault).toEqual(named('NF_PROXY_REFUSED', `http://127.0.0.1:${proxy.port}`));
    expect(isPassing(fault as never)).toBe(true);
  });

  it('that hangs is not waited for without end', async () => {
    const fault = await faultOf(await through('hang'));
    expect(fault).toEqual(named('NF_SERVER_SILENT', `through the proxy http://127.0.0.1:${proxy.port}`));
  });

  it('that is not there is named', async () => {
    const { port, close } = await serveTcp(() => undefined);
    await close();
    const fault = await faultOf(to(4711, { proxy: `http://127.0.0.1:${port}` }));
    expect(fault).toEqual(named('NF_SERVER_UNREACHABLE', `through the proxy http://127.0.0.1:${port}`));
  });

  it('does not hide that the server behind it is not there', async () => {
    const { port, close } = await serveTcp(() => undefined);
    await close();
    proxy = await keep(serveProxy(200));
    expect(await faultOf(to(port, { proxy: `http://127.0.0.1:${proxy.port}` }))).toEqual(
      named('NF_PROXY_REFUSED', '502'),
    );
  });

  it("does not hide a stranger's server", async () => {
    proxy = await keep(serveProxy(200));
    const { port } = await serve(fine, theirHub);
    expect(await faultOf(to(port, { proxy: `http://127.0.0.1:${proxy.port}` }))).toEqual(
      named('NF_SERVER_UNTRUSTED'),
    );
  });

  it('does not hide what the server refuses', async () => {
    const report = flError('NF_SITE_DISABLED', { site: 'site-1' }).report();
    const connection = await through(200, (_request, response) =>
      response.writeHead(403).end(JSON.stringify(report)),
    );
    expect(await faultOf(connection)).toMatchObject({ code: 'NF_SITE_DISABLED' });
  });

  it('does not hide that the server is silent or lost', async () => {
    expect(await faultOf(await through(200, () => undefined), { waitSeconds: 0.3 })).toEqual(
      named('NF_SERVER_SILENT'),
    );
    expect(await faultOf(await through(200, (request) => request.socket.destroy()))).toEqual(
      named('NF_CONNECTION_LOST'),
    );
  });
});

describe('an error of the network', () => {
  const errorOf = (code: string, message = 'm') => Object.assign(new Error(message), { code });
  const at = { address: 'hub:8002', proxy: undefined };

  it.each([
    ['ECONNREFUSED', 'NF_SERVER_UNREACHABLE', true],
    ['ENOTFOUND', 'NF_SERVER_UNREACHABLE', true],
    ['EAI_AGAIN', 'NF_SERVER_UNREACHABLE', true],
    ['EHOSTUNREACH', 'NF_SERVER_UNREACHABLE', true],
    ['ENETUNREACH', 'NF_SERVER_UNREACHABLE', true],
    ['ETIMEDOUT', 'NF_SERVER_UNREACHABLE', true],
    ['UND_ERR_CONNECT_TIMEOUT', 'NF_SERVER_UNREACHABLE', true],
    ['CERT_NOT_YET_VALID', 'NF_SERVER_UNTRUSTED', false],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'NF_SERVER_UNTRUSTED', false],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'NF_SERVER_UNTRUSTED', false],
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', 'NF_TLS_REFUSED', false],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'NF_TLS_REFUSED', false],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'NF_TLS_REFUSED', false],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'NF_SERVER_NOT_TLS', false],
    ['UND_ERR_BODY_TIMEOUT', 'NF_SERVER_SILENT', true],
    ['EPIPE', 'NF_CONNECTION_LOST', true],
  ])('%s is %s', (code, expected, passing) => {
    const found = networkError(errorOf(code), at);
    expect(found).toMatchObject({ code: expected, message: expect.stringContaining('hub:8002') });
    expect(found?.message).not.toMatch(/undefined|\{|\.\./);
    expect(found && isPassing(found)).toBe(passing);
  });

  it('tells what an alert said', () => {
    const found = networkError(errorOf('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'), at);
    expect(found?.message).toContain('unknown_ca');
  });

  it('is found below what wraps it', () => {
    const refused = errorOf('ECONNREFUSED');
    const several = Object.assign(new AggregateError([refused, errorOf('ENETUNREACH')]), { code: 'E' });
    for (const wrapped of [
      several,
      new Error('x', { cause: refused }),
      new TypeError('x', { cause: several }),
    ])
      expect(networkError(wrapped, at)).toMatchObject({ code: 'NF_SERVER_UNREACHABLE', cause: wrapped });
  });

  it.each([undefined, null, 'text', new Error('other'), errorOf('ENOSPC'), errorOf('ABORT_ERR')])(
    'is none in %s',
    (thrown) => {
      expect(networkError(thrown, at)).toBeUndefined();
    },
  );
});

describe('an answer without end', () => {
  it.each([200, 500])('of status %i is read up to its limit, and named', async (status) => {
    let sent = 0;
    const { port } = await serve((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      const part = Buffer.alloc(64_000, ' ');
      const more = (): void => {
        if (response.destroyed || sent > 60_000_000) return void response.end();
        sent += part.length;
        response.write(part, () => setImmediate(more));
      };
      more();
    });
    const connection = to(port);
    await expect(connection.send({ method: 'GET', path: '/', answer })).rejects.toMatchObject({
      code: 'NF_SERVER_ANSWER',
      message: expect.stringContaining('more than 2000000 bytes'),
    });
    expect(sent).toBeLessThan(50_000_000);
  });
});

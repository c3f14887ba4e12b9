import { describe, expect, it } from 'vitest';
import { type Environment, proxyFor, shownProxy } from '../../../../src/runtime/network/transfer/proxy.ts';

const PROXY = 'http://proxy.example.org:3128';
const way = (host: string, environment: Environment, port = 8003) =>
  proxyFor({ host, port }, undefined, environment);
const past = (host: string, exceptions: string, port = 8003) =>
  way(host, { HTTPS_PROXY: PROXY, NO_PROXY: exceptions }, port) === undefined;

describe('the proxy of the environment', () => {
  it.each<[what: string, environment: Environment, proxy: string | undefined]>([
    ['nothing', {}, undefined],
    ['HTTPS_PROXY', { HTTPS_PROXY: PROXY }, PROXY],
    ['https_proxy', { https_proxy: PROXY }, PROXY],
    [
      'both spellings: the small one',
      { https_proxy: 'http://small:1', HTTPS_PROXY: PROXY },
      'http://small:1',
    ],
    ['an empty small one', { https_proxy: '', HTTPS_PROXY: PROXY }, PROXY],
    ['ALL_PROXY', { ALL_PROXY: PROXY }, PROXY],
    ['all_proxy beside HTTPS_PROXY', { all_proxy: 'http://all:1', HTTPS_PROXY: PROXY }, PROXY],
    ['HTTP_PROXY, which is for other servers', { HTTP_PROXY: PROXY }, undefined],
    ['no scheme', { HTTPS_PROXY: 'proxy.example.org:3128' }, PROXY],
    ['no scheme and no port', { HTTPS_PROXY: 'proxy' }, 'http://proxy'],
    ['an address without scheme', { HTTPS_PROXY: '10.1.2.3:3128' }, 'http://10.1.2.3:3128'],
    ['an IPv6 address', { HTTPS_PROXY: '[fd00::1]:3128' }, 'http://[fd00::1]:3128'],
    ['user and password', { HTTPS_PROXY: 'ann:p%40ss@proxy:1' }, 'http://ann:p%40ss@proxy:1'],
    ['TLS to the proxy', { HTTPS_PROXY: 'https://proxy:1' }, 'https://proxy:1'],
    ['blanks around it', { HTTPS_PROXY: ' http://proxy:1/ ' }, 'http://proxy:1'],
  ])('is taken from %s', (_, environment, proxy) => {
    expect(way('fl.example.org', environment)).toBe(proxy);
  });

  it.each([
    'localhost',
    'LOCALHOST',
    'hub.localhost',
    '127.0.0.1',
    '127.8.9.1',
    '::1',
    '[::1]',
    '::ffff:127.0.0.1',
  ])('is not for %s', (host) => {
    expect(way(host, { HTTPS_PROXY: PROXY, ALL_PROXY: PROXY })).toBeUndefined();
  });
});

describe('NO_PROXY', () => {
  it.each<[exceptions: string, host: string, port?: number]>([
    ['*', 'fl.example.org'],
    ['a.org, *', 'fl.example.org'],
    ['fl.example.org', 'fl.example.org'],
    ['FL.Example.org', 'fl.example.ORG.'],
    ['example.org', 'fl.example.org'],
    ['.example.org', 'fl.example.org'],
    ['.example.org', 'example.org'],
    ['*.example.org', 'a.fl.example.org'],
    ['a.org,example.org', 'fl.example.org'],
    ['a.org example.org', 'fl.example.org'],
    [' a.org , example.org ,', 'fl.example.org'],
    ['example.org:8003', 'fl.example.org'],
    ['*:8003', 'fl.example.org'],
    ['10.1.2.3', '10.1.2.3'],
    ['10.1.2.3:8003', '10.1.2.3'],
    ['10.0.0.0/8', '10.1.2.3'],
    ['172.16.0.0/12,10.0.0.0/8', '172.31.255.1'],
    ['fd00::1', 'fd00:0:0::1'],
    ['[fd00::1]:8003', '[fd00::1]'],
    ['fd00::/8', 'fd12::7'],
  ])('%s is for %s', (exceptions, host) => {
    expect(past(host, exceptions)).toBe(true);
    expect(way(host, { https_proxy: PROXY, no_proxy: exceptions })).toBeUndefined();
  });

  it.each<[exceptions: string, host: string]>([
    ['', 'fl.example.org'],
    ['localhost,127.0.0.1', 'fl.example.org'],
    ['ample.org', 'fl.example.org'],
    ['fl.example.org', 'example.org'],
    ['*.example.org', 'example.org'],
    ['example.org:443', 'fl.example.org'],
    ['*:443', 'fl.example.org'],
    ['10.1.2.3', '10.1.2.30'],
    ['10.0.0.0/8', '11.1.2.3'],
    ['10.0.0.0/33', '10.1.2.3'],
    ['10.0.0.0/', '10.1.2.3'],
    ['10.0.0.0/8', 'ten.example.org'],
    ['fd00::/8', '10.1.2.3'],
    ['.', 'fl.example.org'],
  ])('%s is not for %s', (exceptions, host) => {
    expect(past(host, exceptions)).toBe(false);
  });

  it('of two spellings the small one holds', () => {
    const environment = { HTTPS_PROXY: PROXY, no_proxy: 'a.org', NO_PROXY: '*' };
    expect(way('fl.example.org', environment)).toBe(PROXY);
  });
});

describe('--proxy', () => {
  it('holds for every server, whatever the environment says', () => {
    for (const host of ['fl.example.org', 'localhost'])
      expect(proxyFor({ host, port: 1 }, 'mine:8', { NO_PROXY: '*', HTTPS_PROXY: PROXY })).toBe(
        'http://mine:8',
      );
  });
});

describe('what is no proxy', () => {
  it.each([
    'http://',
    'proxy:99999',
    'proxy:port',
    'http://proxy:3128/path',
    'http://proxy:3128?x',
    'socks5://proxy:1080',
    'ftp://proxy',
    'http://ann:p#ss@proxy:3128',
    'two words:1',
  ])('%s is a slip of the command line, with the form that is right', (text) => {
    for (const [given, environment, from] of [
      [text, {}, '--proxy'],
      [undefined, { https_proxy: text }, 'https_proxy'],
    ] as const) {
      const read = () => proxyFor({ host: 'fl.example.org', port: 1 }, given, environment);
      expect(read).toThrow(
        expect.objectContaining({ code: 'NF_USAGE', message: expect.stringContaining(from) }),
      );
    }
  });

  it('does not show the password', () => {
    const read = () => proxyFor({ host: 'a.org', port: 1 }, 'http://ann:secret@proxy:99999', {});
    expect(read).toThrow(/\/\/\*\*\*@proxy:99999/);
    expect(read).not.toThrow(/secret/);
    expect(shownProxy('http://ann:secret@proxy:1')).toBe('http://***@proxy:1');
  });
});

import { BlockList, isIP } from 'node:net';
import { flError } from '../../base/errors/errors.ts';

/** Where a request goes. */
export interface Target {
  /** Name or address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** In the order of curl: of two spellings the small one goes first, and the proxy of HTTPS before the one of everything. */
const VARIABLES = ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'] as const;
const EXCEPTIONS = ['no_proxy', 'NO_PROXY'] as const;
const WITH_SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/**
 * The proxy on the way to a server, as a URL with scheme, or undefined for the straight way. What is given on the command line holds for every
 * server. Else the environment decides, as for curl: `https_proxy` or `all_proxy`, but not for what `no_proxy` names (`*`, names and all below
 * them, addresses, blocks like 10.0.0.0/8, each with a port if wished), and never for this machine itself.
 * @throws NF_USAGE for what is no proxy
 */
export function proxyFor(
  target: Target,
  given: string | undefined,
  environment: Environment = process.env,
): string | undefined {
  if (given !== undefined && given.trim() !== '') return readProxy(given, '--proxy');
  const variable = VARIABLES.find((name) => (environment[name] ?? '').trim() !== '');
  if (variable === undefined || isThisMachine(target.host)) return undefined;
  const exceptions = EXCEPTIONS.map((name) => environment[name] ?? '').find((text) => text.trim() !== '');
  if (exceptions !== undefined && isExcepted(target, exceptions)) return undefined;
  return readProxy(environment[variable] ?? '', variable);
}

/** A proxy as it may be shown: without user and password. */
export function shownProxy(proxy: string): string {
  return proxy.replace(/\/\/[^/]*@/, '//***@').replace(/\/$/, '');
}

function readProxy(text: string, from: string): string {
  const value = text.trim();
  const full = WITH_SCHEME.test(value) ? value : `http://${value}`;
  const shown = shownProxy(full);
  const url = URL.parse(full);
  if (!url || url.hostname === '' || !['http:', 'https:'].includes(url.protocol)) {
    const kind =
      url && !['http:', 'https:'].includes(url.protocol) ? ' Other kinds of proxies are not used.' : '';
    throw flError('NF_USAGE', {
      message: `The proxy of ${from} is not usable: ${shown}. It is given as http://host:port, with a user as http://user:password@host:port (signs like # or @ in them as %23, %40).${kind}`,
    });
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw flError('NF_USAGE', {
      message: `The proxy of ${from} is not usable: ${shown}. Nothing may stand after host and port.`,
    });
  }
  return url.href.replace(/\/$/, '');
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

function isThisMachine(host: string): boolean {
  const name = plainName(host);
  const family = isIP(name);
  if (family !== 0) return LOOPBACK.check(name, family === 6 ? 'ipv6' : 'ipv4');
  return name === 'localhost' || name.endsWith('.localhost');
}

function isExcepted({ host, port }: Target, exceptions: string): boolean {
  const name = plainName(host);
  return exceptions
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((entry) => {
      const [pattern, only] = splitPort(entry.toLowerCase());
      return (only === undefined || only === port) && matches(name, pattern);
    });
}

/** `[::1]:443` and `name:443` have a port, `::1` has none. */
function splitPort(entry: string): [pattern: string, port: number | undefined] {
  const [, bracketed, after] = /^\[(.+)\](?::(\d+))?$/.exec(entry) ?? [];
  if (bracketed !== undefined) return [bracketed, after === undefined ? undefined : Number(after)];
  const [, before, port] = /^([^:]+):(\d+)$/.exec(entry) ?? [];
  return before === undefined ? [entry, undefined] : [before, Number(port)];
}

function matches(name: string, pattern: string): boolean {
  if (pattern === '*') return true;
  const family = isIP(name);
  if (family !== 0) return coversAddress(pattern, name, family === 6 ? 'ipv6' : 'ipv4');
  if (pattern.startsWith('*.')) return name.endsWith(plainName(pattern.slice(1)));
  const suffix = plainName(pattern.replace(/^\./, ''));
  return suffix !== '' && (name === suffix || name.endsWith(`.${suffix}`));
}

function coversAddress(pattern: string, address: string, family: 'ipv4' | 'ipv6'): boolean {
  const [network = '', bits] = pattern.split('/');
  const kind = isIP(network);
  if (kind === 0) return false;
  const most = kind === 6 ? 128 : 32;
  if (bits !== undefined && !(/^\d+$/.test(bits) && Number(bits) <= most)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(bits ?? most), kind === 6 ? 'ipv6' : 'ipv4');
  return list.check(address, family);
}

/** Without brackets, and without the dot that only says that a name is whole. */
function plainName(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.+)\]$/, '$1')
    .replace(/(.)\.$/, '$1');
}

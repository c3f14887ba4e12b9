import dgram from 'node:dgram';
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import { define, methodsOf, replace, symbolOf } from './lock.ts';

/**
 * Takes the ways to open a socket out of this process: TCP, UDP, Unix sockets and named pipes at the handles that all of Node.js (http,
 * fetch, WebSocket, tls, …) opens them with, and questions for names. What is open already stays. It holds for JavaScript; a network
 * namespace around the process holds for native code, too.
 * @param channel a pipe of this process: of the class that Unix sockets are of
 */
export function closeNetwork(channel: Socket): void {
  const tcp = new Socket();
  tcp.connect(9, '127.0.0.1');
  closeHandle(tcp, ['open', 'bind', 'bind6', 'listen', 'connect', 'connect6']);
  // Nothing was sent: a connection begins with the next turn of the loop.
  tcp.destroy();
  closeHandle(channel, ['open', 'bind', 'listen', 'connect', 'fchmod']);
  const udp = dgram.createSocket('udp4');
  const { handle } = Reflect.get(udp, symbolOf(udp, 'state symbol')) as { handle: unknown };
  close(methodsOf(handle), [
    'open',
    'bind',
    'bind6',
    'connect',
    'connect6',
    'send',
    'send6',
    'addMembership',
  ]);
  udp.close();
  closeNames();
  syncBuiltinESMExports();
}

/** What libuv answers where the system does not let a process: Node.js makes its usual error of it. */
const EACCES =
  [...getSystemErrorMap()].find(([, [name]]) => name === 'EACCES')?.[0] ?? -constants.errno.EACCES;
const refuse = () => () => EACCES;

function closeHandle(socket: Socket, names: readonly string[]): void {
  close(methodsOf(Reflect.get(socket, '_handle')), names);
}

function close(methods: object, names: readonly string[]): void {
  if (replace(methods, names, refuse) === 0)
    throw new Error('This Node.js keeps its sockets in another way.');
}

const QUESTIONS = Object.getOwnPropertyNames(methodsOf(Reflect.get(new dns.Resolver(), '_handle'))).filter(
  (name) => /^(query|getHostBy)/.test(name),
);

function closeNames(): void {
  close(methodsOf(Reflect.get(new dns.Resolver(), '_handle')), QUESTIONS);
  const denied = (name: unknown) =>
    Object.assign(new Error(`getaddrinfo EACCES ${String(name)}`), {
      code: 'EACCES',
      syscall: 'getaddrinfo',
    });
  for (const name of ['lookup', 'lookupService']) {
    define(dns, name, (asked: unknown, ...rest: unknown[]) => {
      const done = rest.at(-1);
      if (typeof done !== 'function') throw denied(asked);
      process.nextTick(done as (error: Error) => void, denied(asked));
    });
    define(dns.promises, name, (asked: unknown) => Promise.reject(denied(asked)));
  }
}

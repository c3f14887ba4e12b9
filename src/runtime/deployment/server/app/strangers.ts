import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { STRANGER_LIMITS } from '../../../base/limits.ts';
import type { Logger } from '../../../base/logging/logger.ts';

/** How far a connection is that nobody vouches for: it says nothing, it shakes hands, its certificate is none of the project's. */
type Stage = 'silent' | 'handshake' | 'refused';
export type ClosedFor = 'too many' | 'too old';

interface Stranger {
  socket: Socket;
  stage: Stage;
  readonly address: string;
  /** Of the monotonic clock, in milliseconds: when it came as far as this stage. */
  since: number;
  /** Times it was looked at in this stage: between two looks all that had come was read. */
  looks: number;
}

export interface StrangersOptions {
  readonly logger: Logger;
  readonly onClosed: (why: ClosedFor) => void;
  /** The last words to one whose certificate was refused. */
  readonly farewell: string;
}

const LOOK_MS = 500;
/** A connection of an honest site passes its stage before it is looked at twice, however busy the server is. */
const LOOKS = 2;
const LINGER_MS = 1000;

/**
 * Connections without a certificate of the project. They hold descriptors of the server and nothing else, so there are few of an address,
 * and none of them stays long.
 */
export class Strangers {
  readonly #known = new Map<string, Stranger>();
  readonly #options: StrangersOptions;
  readonly #timer: NodeJS.Timeout;

  constructor(options: StrangersOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  get count(): number {
    return this.#known.size;
  }

  add(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const one: Stranger = { socket, stage: 'silent', address, since: performance.now(), looks: 0 };
    const key = keyOf(socket);
    this.#known.set(key, one);
    socket.once('close', () => {
      if (this.#known.get(key) === one) this.#known.delete(key);
    });
  }

  shakesHands(socket: Socket): void {
    this.#move(socket, 'handshake');
  }

  /** After the handshake: who has a certificate of the project is no stranger any more. */
  met(socket: TLSSocket): void {
    if (socket.authorized) this.#known.delete(keyOf(socket));
    else this.#move(socket, 'refused');
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #move(socket: Socket, stage: Stage): void {
    const one = this.#known.get(keyOf(socket));
    if (one) Object.assign(one, { socket, stage, since: performance.now(), looks: 0 });
  }

  #look(): void {
    const { idle_seconds, idle, idle_per_address, handshakes_per_address } = STRANGER_LIMITS;
    const oldest = performance.now() - idle_seconds.most * 1000;
    const all = [...this.#known.values()];
    for (const one of all) one.looks++;
    const closed = new Set<Stranger>();
    for (const one of all) if (one.since < oldest) closed.add(one);
    const old = closed.size;
    const left = all.filter((one) => one.looks >= LOOKS && !closed.has(one));
    const isIdle = ({ stage }: Stranger) => stage !== 'handshake';
    for (const own of Map.groupBy(left, ({ address }) => address).values()) {
      for (const one of tooMany(own.filter(isIdle), idle_per_address.most)) closed.add(one);
      const shaking = own.filter((one) => !isIdle(one));
      for (const one of tooMany(shaking, handshakes_per_address.most)) closed.add(one);
    }
    const idleOnes = left.filter((one) => isIdle(one) && !closed.has(one));
    for (const one of tooMany(idleOnes, idle.most)) closed.add(one);
    let index = 0;
    for (const one of closed) this.#close(one, index++ < old ? 'too old' : 'too many');
    if (closed.size > 0) this.#tell(closed);
  }

  #close({ socket, stage }: Stranger, why: ClosedFor): void {
    this.#known.delete(keyOf(socket));
    this.#options.onClosed(why);
    if (stage !== 'refused') {
      socket.destroy();
      return;
    }
    socket.end(this.#options.farewell);
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  }

  #tell(closed: ReadonlySet<Stranger>): void {
    const addresses = [...new Set([...closed].map(({ address }) => address))].slice(0, 10);
    const words = 'connections without a certificate of the project were closed';
    this.#options.logger.info({ count: closed.size, addresses }, words);
  }
}

/** The oldest of those that are more than allowed. */
function tooMany(strangers: readonly Stranger[], most: number): readonly Stranger[] {
  return strangers.toSorted((a, b) => a.since - b.since).slice(0, Math.max(0, strangers.length - most));
}

/** TLS makes a socket of its own over that which came. */
function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

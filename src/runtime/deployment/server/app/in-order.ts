import type { TLSSocket } from 'node:tls';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AT_ONCE_LIMITS } from '../../../base/limits.ts';
import { SILENCE_SECONDS } from '../../../network/transfer/dispatcher.ts';
import { Lines, Turns } from '../turns.ts';
import type { App } from './app.ts';
import { goneSignal } from './gone-signal.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The answer is held back until there is news. */
    waits?: boolean;
    /** The answer may be megabytes that were read for it. */
    isLarge?: boolean;
  }
}

interface Connection {
  /** Settles when the last request that came is answered. */
  last: Promise<unknown>;
  /** Requests that wait for the one before them. */
  waiting: number;
  readonly gone: AbortSignal;
}

/**
 * The requests of a connection are taken up one after another, as they are answered, and those of a participant few at a time: what is read
 * or made for an answer is in memory until somebody has read it. Files on their way have bounds of their own; questions that wait for news
 * keep no other from its turn.
 */
export class InOrder {
  readonly #connections = new WeakMap<TLSSocket, Connection>();
  readonly #all = new Lines({ atOnce: AT_ONCE_LIMITS.requests, waiting: AT_ONCE_LIMITS.more_requests });
  readonly #large = new Lines({ atOnce: AT_ONCE_LIMITS.large, waiting: AT_ONCE_LIMITS.more_requests });
  readonly #waits = new Turns({ each: AT_ONCE_LIMITS.waits });

  /** Right after the identity is known: nothing was looked up yet. */
  add(app: App): void {
    app.addHook('onRequest', async (request, reply) => {
      await this.#afterOthers(request, reply);
      await this.#inTurn(request, reply);
    });
    app.addHook('onSend', async (_request, reply) => {
      // Counted anew for whatever part of the answer goes out.
      reply.raw.setTimeout(SILENCE_SECONDS * 1000, () => reply.raw.destroy());
    });
  }

  async #afterOthers({ raw }: FastifyRequest, reply: FastifyReply): Promise<void> {
    const socket = raw.socket as TLSSocket;
    const connection = this.#connections.get(socket) ?? newConnection(socket);
    this.#connections.set(socket, connection);
    const { last, gone } = connection;
    const answered = Promise.withResolvers<void>();
    connection.last = answered.promise;
    gone.addEventListener('abort', () => answered.resolve(), { once: true });
    reply.raw.once('close', () => answered.resolve());
    // No more is read meanwhile than what has come.
    if (++connection.waiting > AT_ONCE_LIMITS.pipelined.most) socket.pause();
    await last;
    if (--connection.waiting <= AT_ONCE_LIMITS.pipelined.most) socket.resume();
    gone.throwIfAborted();
  }

  async #inTurn({ identity: { name }, routeOptions }: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { takesBytes, sendsBytes, waits, isLarge } = routeOptions.config;
    if (takesBytes || sendsBytes) return;
    const until = (done: () => void) => reply.raw.once('close', done);
    if (waits) until(this.#waits.enter(name).hold());
    else until(await this.#all.enter(name, goneSignal(reply)));
    if (isLarge) until(await this.#large.enter(name, goneSignal(reply)));
  }
}

function newConnection(socket: TLSSocket): Connection {
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  return { last: Promise.resolve(), waiting: 0, gone: gone.signal };
}

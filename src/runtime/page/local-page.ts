import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { type NeuroflareError, toNeuroflareError } from '../base/errors/errors.ts';
import { statusOf } from '../base/errors/http-status.ts';
import { portFailure } from '../base/processes/port-holder.ts';
import { ANSWER_HEADERS, Guard } from './guard.ts';

/** Nobody else on the network reaches it. */
const HOST = '127.0.0.1';

/** A file of the page, by the name under which the page asks for it. */
export interface PageFile {
  readonly name: string;
  readonly path: string;
  readonly type: 'text/css' | 'text/javascript';
}

export interface LocalPageOptions {
  /** Of the page, in the name of its cookie. */
  readonly name: string;
  /** The page itself. */
  readonly index: string;
  readonly files: readonly PageFile[];
  /** Says to somebody without the token that nothing is answered. */
  readonly refused: (reason: string) => NeuroflareError;
  /** Says that there is nothing at an address. */
  readonly unknown: () => NeuroflareError;
}

/** A page for the browser of this machine, and what it asks for: whoever has no token learns nothing, and nothing comes from elsewhere. */
export class LocalPage {
  readonly app: FastifyInstance;
  readonly #guard: Guard;

  constructor({ name, index, files, refused, unknown }: LocalPageOptions) {
    this.app = Fastify({
      forceCloseConnections: true,
      exposeHeadRoutes: false,
      frameworkErrors: (_error, _request, reply) => answer(reply, unknown()),
    });
    this.#guard = new Guard({ name, port: () => portOf(this.app), refused });
    this.#protect(unknown);
    this.app.get(`${this.folder}/`, (_request, reply) =>
      reply
        .header('set-cookie', this.#guard.cookie)
        .type('text/html; charset=utf-8')
        .send(createReadStream(index)),
    );
    for (const file of files)
      this.app.get(`${this.folder}/${file.name}`, (_request, reply) =>
        reply.type(`${file.type}; charset=utf-8`).send(createReadStream(file.path)),
      );
  }

  /** Where all of the page lies. */
  get folder(): string {
    return this.#guard.folder;
  }

  /** With the token. */
  get address(): string {
    return this.#guard.address;
  }

  /** Listens until the signal. @param port 0 for any that is free @throws NF_PORT_* */
  async serve({
    port,
    signal,
    onReady,
  }: {
    port: number;
    signal: AbortSignal;
    onReady: () => void;
  }): Promise<void> {
    try {
      await listen(this.app, port);
      onReady();
      if (!signal.aborted) await once(signal, 'abort');
    } finally {
      await this.app.close();
    }
  }

  /** Before anything is looked for: nobody without the token learns what is here. */
  #protect(unknown: () => NeuroflareError): void {
    this.app.addHook('onRequest', async ({ headers, query }, reply) => {
      reply.headers(ANSWER_HEADERS);
      const { token } = query as { token?: string | string[] };
      this.#guard.check({ headers, token: token === undefined ? undefined : String(token) });
    });
    this.app.setNotFoundHandler((_request, reply) => answer(reply, unknown()));
    this.app.setErrorHandler((thrown, _request, reply) => answer(reply, toNeuroflareError(thrown)));
  }
}

function answer(reply: FastifyReply, error: NeuroflareError): FastifyReply {
  const { code, message, hint } = error.report();
  // A file may have failed after its type and length were set.
  for (const name of ['content-length', 'content-range']) reply.removeHeader(name);
  reply.headers(ANSWER_HEADERS).type('application/json; charset=utf-8');
  return reply.code(statusOf(error)).send({ code, message, hint });
}

async function listen(app: FastifyInstance, port: number): Promise<void> {
  try {
    await app.listen({ host: HOST, port });
  } catch (cause) {
    throw (await portFailure(cause as NodeJS.ErrnoException, { host: HOST, port })) ?? cause;
  }
}

function portOf(app: FastifyInstance): number {
  const address = app.server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

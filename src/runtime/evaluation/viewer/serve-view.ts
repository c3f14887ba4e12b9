import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { flError, type NeuroflareError, toNeuroflareError } from '../../base/errors/errors.ts';
import { statusOf } from '../../base/errors/http-status.ts';
import { PACKAGE_ROOT } from '../../base/files/package-root.ts';
import { portFailure } from '../../base/processes/port-holder.ts';
import { ANSWER_HEADERS, Guard } from './guard.ts';
import { niivueFile } from './niivue-file.ts';
import { sendShown, sendVolume } from './send-shown.ts';
import { ServedFiles } from './served-files.ts';
import { makeViewList } from './view-list.ts';
import { openViewTarget, type ViewWish } from './view-target.ts';

/** Nobody else on the network reaches it. */
const HOST = '127.0.0.1';
const PAGE = join(PACKAGE_ROOT, 'viewer');
/** The page's own files, by their types. */
const ASSETS = {
  'style.css': 'text/css',
  'main.js': 'text/javascript',
  'list.js': 'text/javascript',
  'details.js': 'text/javascript',
  'volume.js': 'text/javascript',
} as const;

export interface ViewOptions extends ViewWish {
  /** 0 for any that is free. */
  readonly port: number;
  /** Is told once the page can be opened. */
  readonly onReady: (ready: ReadyView) => void;
  readonly signal: AbortSignal;
}

export interface ReadyView {
  /** With the token: whoever has it sees the images. */
  readonly address: string;
  readonly subjects: number;
  readonly images: number;
  /** What could not be read, and why. */
  readonly notes: readonly string[];
}

/** Serves the images of a data set or run to a browser of this machine, until the signal. @throws NF_VIEW_*, NF_PORT_*, NF_PATH_MISSING */
export async function serveView(options: ViewOptions): Promise<void> {
  const { port, signal, onReady } = options;
  const target = await openViewTarget(options);
  const served = new ServedFiles();
  const { subjects, notes } = await makeViewList(target, served);
  const app = Fastify({
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    frameworkErrors: (_error, _request, reply) => answer(reply, flError('NF_VIEW_UNKNOWN')),
  });
  const guard = new Guard(() => portOf(app));
  protect(app, guard);
  addPage(app, guard, niivueFile());
  const { folder } = guard;
  app.get(`${folder}/list`, () => makeViewList(target, served));
  app.get<{ Params: { number: string } }>(`${folder}/files/:number`, async (request, reply) =>
    sendShown(request, reply, await served.open(request.params.number)),
  );
  app.get<{ Params: { number: string } }>(`${folder}/volumes/:number`, async (request, reply) =>
    sendVolume(reply, await served.open(request.params.number)),
  );
  try {
    await listen(app, port);
    const images = subjects.reduce((sum, one) => sum + one.images.length, 0);
    onReady({ address: guard.address, subjects: subjects.length, images, notes });
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    await app.close();
  }
}

/** Before anything is looked for: nobody without the token learns what is here. */
function protect(app: FastifyInstance, guard: Guard): void {
  app.addHook('onRequest', async ({ headers, query }, reply) => {
    reply.headers(ANSWER_HEADERS);
    const { token } = query as { token?: string | string[] };
    guard.check({ headers, token: token === undefined ? undefined : String(token) });
  });
  app.setNotFoundHandler((_request, reply) => answer(reply, flError('NF_VIEW_UNKNOWN')));
  app.setErrorHandler((thrown, _request, reply) => answer(reply, toNeuroflareError(thrown)));
}

function addPage(app: FastifyInstance, guard: Guard, niivue: string): void {
  const { folder } = guard;
  app.get(`${folder}/`, (_request, reply) =>
    reply
      .header('set-cookie', guard.cookie)
      .type('text/html; charset=utf-8')
      .send(createReadStream(join(PAGE, 'index.html'))),
  );
  for (const [name, type] of Object.entries(ASSETS)) {
    app.get(`${folder}/${name}`, (_request, reply) =>
      reply.type(`${type}; charset=utf-8`).send(createReadStream(join(PAGE, name))),
    );
  }
  app.get(`${folder}/niivue.js`, (_request, reply) =>
    reply.type('text/javascript; charset=utf-8').send(createReadStream(niivue)),
  );
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

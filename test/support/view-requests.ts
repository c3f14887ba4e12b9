import { type IncomingHttpHeaders, type RequestOptions, request } from 'node:http';
import {
  type ReadyView,
  serveView,
  type ViewOptions,
} from '../../src/runtime/evaluation/viewer/serve-view.ts';
import type { ViewList } from '../../src/runtime/evaluation/viewer/view-list.ts';

export interface ViewAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The answer broke off. */
  readonly broken: boolean;
}

/** A viewer that runs, asked as a browser asks; with `bare` nothing is sent but what is given. */
export interface OpenView extends ReadyView {
  /** Of the page, with its token; as all paths here, from the folder of the page. */
  readonly first: string;
  readonly folder: string;
  readonly port: number;
  readonly cookie: string;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<ViewAnswer>;
  bare(path: string, headers?: Readonly<Record<string, string>>, method?: string): Promise<ViewAnswer>;
  list(): Promise<ViewList>;
  close(): Promise<void>;
}

export async function openView(options: Partial<ViewOptions> & { target: string }): Promise<OpenView> {
  const controller = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<ReadyView>();
  const done = serveView({
    workspace: 'work',
    data: undefined,
    quality: undefined,
    port: 0,
    signal: controller.signal,
    ...options,
    onReady: resolve,
  });
  done.catch(reject);
  const ready = await promise;
  const { port, host, pathname, search } = new URL(ready.address);
  const folder = pathname.slice(0, -1);
  const bare: OpenView['bare'] = (path, headers = {}, method = 'GET') =>
    ask({
      host: '127.0.0.1',
      port: Number(port),
      path: `${folder}/${path.replace(/^\//, '')}`,
      method,
      headers: { host, ...headers },
    });
  const first = `/${search}`;
  const cookie = ((await bare(first)).headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '';
  const get: OpenView['get'] = (path, headers = {}) => bare(path, { cookie, ...headers });
  return {
    ...ready,
    first,
    folder,
    port: Number(port),
    cookie,
    bare,
    get,
    list: async () => JSON.parse((await get('/list')).body.toString()) as ViewList,
    close: async () => {
      controller.abort();
      await done;
    },
  };
}

function ask(options: RequestOptions): Promise<ViewAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      const end = (broken: boolean) =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
          broken,
        });
      response.on('end', () => end(false)).on('error', () => end(true));
    });
    asked.on('error', reject).end();
  });
}

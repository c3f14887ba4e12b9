import { type IncomingHttpHeaders, type RequestOptions, request } from 'node:http';
import { serveDashboard } from '../../src/runtime/dashboard/serve-dashboard.ts';
import type { JobNews, JobState, LogLine, RoundLine, SourceView } from '../../src/runtime/dashboard/shown.ts';
import type { Source } from '../../src/runtime/dashboard/source.ts';

export interface DashboardAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What a page has been told so far. */
export interface Told {
  readonly views: Map<string, SourceView>;
  state: JobState | undefined;
  readonly states: JobState[];
  readonly rounds: RoundLine[];
  readonly log: LogLine[];
  readonly troubles: (string | null)[];
  fault: string | undefined;
}

/** A dashboard that runs, asked as a browser asks; with `bare` nothing is sent but what is given. */
export interface OpenDashboard {
  readonly address: string;
  readonly port: number;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<DashboardAnswer>;
  bare(path: string, headers?: Readonly<Record<string, string>>): Promise<DashboardAnswer>;
  act(body: unknown, headers?: Readonly<Record<string, string>>): Promise<DashboardAnswer>;
  /** Follows a job, `SOURCE JOB`, until it holds. */
  follow(job: string | undefined, holds: (told: Told) => boolean): Promise<Told>;
  close(): Promise<void>;
}

export async function openDashboard(sources: readonly Source[]): Promise<OpenDashboard> {
  const controller = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const done = serveDashboard({ sources, port: 0, onReady: resolve, signal: controller.signal });
  done.catch(reject);
  const address = await promise;
  const { port, host, pathname, search } = new URL(address);
  const to = (path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') => ({
    host: '127.0.0.1',
    port: Number(port),
    path: `${pathname}${path.replace(/^\//, '')}`,
    method,
    headers: { host, ...headers },
  });
  const bare: OpenDashboard['bare'] = (path, headers) => ask(to(path, headers));
  const cookie = ((await bare(`/${search}`)).headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '';
  return {
    address,
    port: Number(port),
    bare,
    get: (path, headers = {}) => bare(path, { cookie, ...headers }),
    act: (body, headers = {}) =>
      ask(
        to('act', { cookie, 'content-type': 'application/json', ...headers }, 'POST'),
        typeof body === 'string' ? body : JSON.stringify(body),
      ),
    follow: (job, holds) => {
      const query = job === undefined ? '' : `?${new URLSearchParams({ follow: job })}`;
      return follow(to(`stream${query}`, { cookie, accept: 'text/event-stream' }), holds);
    },
    close: async () => {
      controller.abort();
      await done;
    },
  };
}

function ask(options: RequestOptions, body?: string): Promise<DashboardAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
    });
    asked.on('error', reject).end(body);
  });
}

function follow(options: RequestOptions, holds: (told: Told) => boolean): Promise<Told> {
  const told: Told = {
    views: new Map(),
    state: undefined,
    states: [],
    rounds: [],
    log: [],
    troubles: [],
    fault: undefined,
  };
  return new Promise((resolve, reject) => {
    const asked = request(options, (response) => {
      let rest = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const messages = (rest + chunk).split('\n\n');
        rest = messages.pop() ?? '';
        for (const message of messages) take(message, told);
        if (!holds(told)) return;
        asked.destroy();
        resolve(told);
      });
      response.on('end', () => reject(new Error(`The stream has ended: ${response.statusCode} ${rest}`)));
      response.on('error', () => undefined);
    });
    asked.on('error', reject).end();
  });
}

type News = JobNews | { readonly type: 'fault'; readonly code: string };

function take(message: string, told: Told): void {
  const event = /^event: (.*)$/m.exec(message)?.[1];
  const data = /^data: (.*)$/m.exec(message)?.[1] ?? 'null';
  if (event === 'view') {
    const view = JSON.parse(data) as SourceView;
    told.views.set(view.id, view);
  }
  if (event !== 'job') return;
  const news = JSON.parse(data) as News;
  if (news.type === 'state') {
    told.state = news.state;
    told.states.push(news.state);
  } else if (news.type === 'rounds') told.rounds.push(...news.rounds);
  else if (news.type === 'log') told.log.push(...news.lines);
  else if (news.type === 'trouble') told.troubles.push(news.message);
  else told.fault = news.code;
}

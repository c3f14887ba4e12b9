import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { fastifySSE } from '@fastify/sse';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { flError } from '../base/errors/errors.ts';
import { carriedFile } from '../base/files/carried-file.ts';
import { PACKAGE_ROOT } from '../base/files/package-root.ts';
import { LocalPage, type PageFile } from '../page/local-page.ts';
import { readAudit } from './audit.ts';
import { ACTIONS } from './shown.ts';
import type { Source } from './source.ts';
import { SiteSource } from './sources/site.ts';
import { WorkspaceSource } from './sources/workspace.ts';
import { type Followed, sendStream } from './stream.ts';

const PAGE = join(PACKAGE_ROOT, 'dashboard');
const SCRIPTS = [
  'main.js',
  'state.js',
  'words.js',
  'overview.js',
  'job.js',
  'bars.js',
  'curves.js',
  'log.js',
  'site.js',
  'compare.js',
  'ask.js',
];
const STYLES = ['style.css', 'parts.css'];
/** What of other packages the page loads, by the name under which it does. */
const CARRIED = [
  { name: 'htm.js', from: 'htm', path: 'preact/standalone.module.js', type: 'text/javascript' },
  { name: 'uplot.js', from: 'uplot', path: 'dist/uPlot.iife.min.js', type: 'text/javascript' },
  { name: 'uplot.css', from: 'uplot', path: 'dist/uPlot.min.css', type: 'text/css' },
] as const;

/** Jobs that a page follows at once: those of a comparison. */
const MOST_FOLLOWED = 8;
/** A report is a page of others' texts: it runs no script, asks nobody, and is no part of the dashboard. */
const REPORT_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox";

const one = z.string().min(1).max(500);
const jobQuery = z.object({ source: one, job: one });
const streamQuery = z.object({
  /** `SOURCE JOB`, any number of times. */
  follow: z
    .union([one, z.array(one)])
    .default([])
    .transform((value) => [value].flat().slice(0, MOST_FOLLOWED)),
});
const actionBody = z.strictObject({
  source: one,
  job: one,
  action: z.enum(ACTIONS),
  code: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  by: z.string().max(500).optional(),
  reason: z.string().max(500).optional(),
});

export interface DashboardOptions {
  readonly sources: readonly Source[];
  /** 0 for any that is free. */
  readonly port: number;
  /** Is told the address, with its token, once the page can be opened. */
  readonly onReady: (address: string) => void;
  readonly signal: AbortSignal;
}

/** Serves the dashboard to a browser of this machine, until the signal. @throws NF_PORT_*, NF_DASHBOARD_PACKAGE */
export async function serveDashboard({ sources, port, onReady, signal }: DashboardOptions): Promise<void> {
  const page = new LocalPage({
    name: 'dashboard',
    index: join(PAGE, 'index.html'),
    files: pageFiles(),
    refused: (reason) => flError('NF_DASHBOARD_REFUSED', { reason }),
    unknown: () => flError('NF_DASHBOARD_UNKNOWN'),
  });
  await page.app.register(fastifySSE, { heartbeatInterval: 15_000 });
  addRoutes(page, sources);
  await page.serve({ port, signal, onReady: () => onReady(page.address) });
}

function pageFiles(): PageFile[] {
  const own = SCRIPTS.map((name) => ({ name, path: join(PAGE, name), type: 'text/javascript' as const }));
  const carried = CARRIED.map(({ name, from, path, type }): PageFile => {
    const file = carriedFile(from, path);
    if (file === undefined) throw flError('NF_DASHBOARD_PACKAGE', { name: from });
    return { name, path: file, type };
  });
  const styles = STYLES.map((name) => ({ name, path: join(PAGE, name), type: 'text/css' as const }));
  return [...own, ...styles, ...carried];
}

function addRoutes({ app, folder }: LocalPage, sources: readonly Source[]): void {
  const find = (id: string): Source => {
    const source = sources.find((known) => known.id === id);
    if (!source) throw flError('NF_DASHBOARD_SOURCE', { source: id });
    return source;
  };
  const siteOf = ({ query }: FastifyRequest): { site: SiteSource; job: string } => {
    const { source, job } = asked(jobQuery, query);
    const site = find(source);
    if (!(site instanceof SiteSource)) throw flError('NF_DASHBOARD_SOURCE', { source });
    return { site, job };
  };
  app.get(`${folder}/stream`, { sse: 'only' }, async ({ query }, reply) => {
    const followed = asked(streamQuery, query).follow.map((text): Followed => {
      const [id = '', job = ''] = split(text);
      return { source: find(id), job };
    });
    await sendStream(reply, sources, followed);
  });
  app.get(`${folder}/code`, (request) => {
    const { site, job } = siteOf(request);
    return site.code(job);
  });
  app.get(`${folder}/egress`, (request) => {
    const { site, job } = siteOf(request);
    return site.egress(job === 'all' ? undefined : job);
  });
  app.get(`${folder}/audit`, (request) => readAudit(siteOf(request).site.kitDir));
  app.get(`${folder}/report`, async ({ query }, reply) => {
    const { source, job } = asked(jobQuery, query);
    return sendReport(reply, find(source), job);
  });
  app.post(`${folder}/act`, async ({ body }) => {
    const { source, ...what } = asked(actionBody, body);
    return { done: await find(source).act(what) };
  });
}

/** The id of a source has no blank; that of a job may. */
function split(text: string): [string, string] {
  const at = text.indexOf(' ');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

async function sendReport(reply: FastifyReply, source: Source, job: string): Promise<FastifyReply> {
  if (!(source instanceof WorkspaceSource)) throw flError('NF_DASHBOARD_JOB', { job: `report of ${job}` });
  const path = await source.reportOf(job);
  reply.header('content-security-policy', REPORT_POLICY).type('text/html; charset=utf-8');
  return reply.send(createReadStream(path));
}

function asked<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const { data, error } = schema.safeParse(given);
  if (error) throw flError('NF_DASHBOARD_ASKED', { reason: error.issues[0]?.message ?? 'it is no question' });
  return data as z.output<Schema>;
}

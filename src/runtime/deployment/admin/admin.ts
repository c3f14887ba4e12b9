import { z } from 'zod';
import { userConfigPath } from '../../base/files/config-file.ts';
import {
  type JobMeta,
  type JobStats,
  jobEvents,
  jobFiles,
  jobMeta,
  jobStats,
  type LogEntries,
  logEntries,
  type resumption,
  type Study,
  type SystemStatus,
  studies,
  studyOne,
  systemStatus,
} from '../../network/messages/admin.ts';
import type { LogLevel } from '../../network/messages/shapes.ts';
import { type SignedJob, signedJob } from '../../network/messages/terms.ts';
import { Connection, type JsonRequest } from '../../network/transfer/connection.ts';
import { proxyFor } from '../../network/transfer/proxy.ts';
import { storedEventSchema } from '../../run/stored-event.ts';
import { type OpenKit, openKit } from '../../security/kit/open.ts';
import { findKit } from '../../security/kit-registry.ts';
import { inTurn } from './in-turn.ts';

export interface AdminOptions {
  /** Id or folder of the kit; default: the one in use. */
  readonly kit?: string | undefined;
  readonly connectSeconds?: number | undefined;
  readonly proxy?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Lists of jobs, logs and bundles are larger than what sites are told. */
const MOST_ANSWER_BYTES = 32_000_000;

const nothing = z.object({});
const reached = z.object({ done: z.array(z.string()) });
/** Events of a server of any version, in today's form. */
const jobNews = jobEvents.extend({
  events: z.array(z.object({ seq: z.int(), time: z.string(), event: storedEventSchema })),
});
export type JobNews = z.output<typeof jobNews>;
const jobList = z.object({ jobs: z.array(jobMeta) });

/** What an admin asks of a server. Every call stands for itself: there is no session that goes stale. */
export class Admin {
  readonly kit: OpenKit<'admin'>;
  readonly connection: Connection;
  readonly #signal: AbortSignal | undefined;

  constructor(kit: OpenKit<'admin'>, { connectSeconds = 5, proxy, signal }: AdminOptions) {
    this.kit = kit;
    this.#signal = signal;
    this.connection = new Connection({
      ...kit.endpoint.server,
      tls: kit.tls,
      proxy: proxyFor(kit.endpoint.server, proxy),
      connectSeconds,
      mostAnswerBytes: MOST_ANSWER_BYTES,
    });
  }

  /** Part of the name; the newest so many. */
  async jobs(filter: { name?: string; study?: string; token?: string; max?: number }): Promise<JobMeta[]> {
    const { jobs } = await this.#get(`/v1/jobs?${query(filter)}`, jobList);
    return jobs;
  }

  job(id: string): Promise<JobMeta> {
    return this.#get(`/v1/jobs/${encodeURIComponent(id)}`, jobMeta);
  }

  /** What its submitter signed; whether it is good is for the asker to check. */
  signedJob(id: string): Promise<SignedJob> {
    return this.#get(`/v1/jobs/${encodeURIComponent(id)}/signature`, signedJob);
  }

  /** What happened after a number, as soon as there is something. */
  events(id: string, { after, waitSeconds }: { after: number; waitSeconds: number }): Promise<JobNews> {
    const path = `/v1/jobs/${encodeURIComponent(id)}/events?${query({ after, wait_seconds: waitSeconds })}`;
    return this.#send({ method: 'GET', path, answer: jobNews, waitSeconds: waitSeconds + 20 });
  }

  logs(id: string, filter: { site?: string; tail?: number; since?: string }): Promise<LogEntries> {
    const path = `/v1/jobs/${encodeURIComponent(id)}/logs?${query(filter)}`;
    return inTurn(() => this.#get(path, logEntries), this.#signal);
  }

  stats(id: string): Promise<JobStats> {
    return this.#get(`/v1/jobs/${encodeURIComponent(id)}/stats`, jobStats);
  }

  async setJobLogLevel(id: string, level: LogLevel): Promise<void> {
    await this.#post(`/v1/jobs/${encodeURIComponent(id)}/log-level`, { body: { level }, answer: nothing });
  }

  abort(id: string): Promise<JobMeta> {
    return this.#post(`/v1/jobs/${encodeURIComponent(id)}/abort`, { body: {}, answer: jobMeta });
  }

  /** Signed anew; the same request again changes nothing. */
  resume(id: string, body: z.input<typeof resumption>): Promise<JobMeta> {
    return this.#post(`/v1/jobs/${encodeURIComponent(id)}/resume`, { body, answer: jobMeta });
  }

  async delete(id: string): Promise<void> {
    await this.#send({ method: 'DELETE', path: `/v1/jobs/${encodeURIComponent(id)}`, answer: nothing });
  }

  files(id: string) {
    return this.#get(`/v1/jobs/${encodeURIComponent(id)}/files`, jobFiles);
  }

  status(): Promise<SystemStatus> {
    return this.#get('/v1/system/status', systemStatus);
  }

  async stop(what: 'shutdown' | 'restart', targets: readonly string[]): Promise<string[]> {
    const { done } = await this.#post(`/v1/system/${what}`, { body: { targets }, answer: reached });
    return done;
  }

  async setLogLevel(level: LogLevel, targets: readonly string[]): Promise<string[]> {
    const { done } = await this.#post('/v1/system/log-level', { body: { level, targets }, answer: reached });
    return done;
  }

  async enableClient(site: string, enabled: boolean): Promise<void> {
    const path = `/v1/system/${enabled ? 'enable' : 'disable'}-client`;
    await this.#post(path, { body: { site }, answer: reached });
  }

  async studies(): Promise<Study[]> {
    return (await this.#get('/v1/studies/', studies)).studies;
  }

  study(name: string): Promise<Study> {
    return this.#get(`/v1/studies/${encodeURIComponent(name)}`, studyOne);
  }

  registerStudy(name: string, sites: readonly string[], { open = false } = {}): Promise<Study> {
    return this.#post('/v1/studies/', { body: { name, sites, open }, answer: studyOne });
  }

  openStudy(name: string, open: boolean): Promise<Study> {
    const path = `/v1/studies/${encodeURIComponent(name)}/open`;
    return this.#post(path, { body: { open }, answer: studyOne });
  }

  async removeStudy(name: string): Promise<void> {
    const path = `/v1/studies/${encodeURIComponent(name)}`;
    await this.#send({ method: 'DELETE', path, answer: nothing });
  }

  changeSites(study: string, change: 'add' | 'remove', sites: readonly string[]): Promise<Study> {
    const path = `/v1/studies/${encodeURIComponent(study)}/${change}-sites`;
    return this.#post(path, { body: { sites }, answer: studyOne });
  }

  addUser(study: string, user: string, role: string): Promise<Study> {
    const path = `/v1/studies/${encodeURIComponent(study)}/add-user`;
    return this.#post(path, { body: { user, role }, answer: studyOne });
  }

  removeUser(study: string, user: string): Promise<Study> {
    const path = `/v1/studies/${encodeURIComponent(study)}/remove-user`;
    return this.#post(path, { body: { user }, answer: studyOne });
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  #get<Schema extends z.ZodType>(path: string, answer: Schema) {
    return this.#send({ method: 'GET', path, answer });
  }

  #post<Schema extends z.ZodType>(path: string, { body, answer }: { body: unknown; answer: Schema }) {
    return this.#send({ method: 'POST', path, body, answer });
  }

  #send<Schema extends z.ZodType>(request: JsonRequest<Schema>): Promise<z.output<Schema>> {
    return this.connection.send({ ...request, signal: this.#signal });
  }
}

/** NEUROFLARE_KIT stands for a kit that a script uses without asking which one is in use. */
export async function openAdmin(options: AdminOptions): Promise<Admin> {
  const { path, root_sha256: rootFingerprint } = await findKit(
    userConfigPath(),
    options.kit ?? (process.env.NEUROFLARE_KIT || undefined),
  );
  return new Admin(await openKit(path, 'admin', { rootFingerprint }), options);
}

/** Opens, works, and closes whatever happens. */
export async function withAdmin<Result>(
  options: AdminOptions,
  work: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  const admin = await openAdmin(options);
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}

function query(values: Readonly<Record<string, string | number | undefined>>): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) given.set(name, String(value));
  return given.toString();
}

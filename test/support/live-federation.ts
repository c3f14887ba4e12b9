import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { noProgress } from '../../src/runtime/base/logging/progress.ts';
import { Admin } from '../../src/runtime/deployment/admin/admin.ts';
import { downloadJob } from '../../src/runtime/deployment/admin/download-job.ts';
import { type SubmitOptions, submitJob } from '../../src/runtime/deployment/admin/submit.ts';
import { watchJob } from '../../src/runtime/deployment/admin/watch-job.ts';
import { type ClientOptions, runClient } from '../../src/runtime/deployment/client/run-client.ts';
import { serve } from '../../src/runtime/deployment/server/serve.ts';
import type { JobMeta } from '../../src/runtime/network/messages/admin.ts';
import { openKit } from '../../src/runtime/security/kit/open.ts';
import { projectSchema } from '../../src/runtime/security/project/schema.ts';
import { provision } from '../../src/runtime/security/provision.ts';
import { LIMITS } from './limits.ts';

export const PROJECT_ADMIN = 'ann@example.org';

/** Kits for a server on this machine, clients `site-1` to `site-N`, and admins of every role. */
export async function makeLiveKits(
  root: string,
  { clients = 2, via = {} }: { clients?: number; via?: Readonly<Record<string, number>> } = {},
): Promise<LiveKits> {
  const port = await freePort();
  const admin = (name: string, role: string, org = 'university') => ({ name, type: 'admin', org, role });
  const project = projectSchema.parse({
    api_version: 3,
    name: 'brain',
    participants: [
      {
        name: 'hub',
        type: 'server',
        org: 'university',
        default_host: 'localhost',
        host_names: ['127.0.0.1'],
        listening_host: '127.0.0.1',
        fed_learn_port: port,
      },
      ...Array.from({ length: clients }, (_, index) => ({
        name: `site-${index + 1}`,
        type: 'client',
        org: `hospital_${index + 1}`,
        ...connectTo(via[`site-${index + 1}`]),
      })),
      admin(PROJECT_ADMIN, 'project_admin'),
      admin('otto@example.org', 'org_admin', 'hospital_1'),
      admin('lea@example.org', 'lead'),
      admin('leo@example.org', 'lead'),
      admin('mia@example.org', 'member'),
    ],
  });
  const made = await provision(project, { workspace: root, days: 365, rootDays: 3650, now: new Date() });
  const kit = (name: string) => join(made.folder, name);
  for (let site = 1; site <= clients; site++)
    await changeFile(join(kit(`site-${site}`), 'local/site-policy.yml'), { 'code: approved': 'code: any' });
  return { root, port, kit, changeFile: (name, file, changes) => changeFile(join(kit(name), file), changes) };
}

/** A site that reaches the server by a port of something in between. */
function connectTo(port: number | undefined): object {
  return port === undefined ? {} : { connect_to: { host: 'localhost', port } };
}

export interface LiveKits {
  readonly root: string;
  readonly port: number;
  kit(name: string): string;
  /** Replaces texts in a local file of a kit. */
  changeFile(name: string, file: string, changes: Readonly<Record<string, string>>): Promise<void>;
}

interface Running {
  readonly stop: AbortController;
  readonly done: Promise<unknown>;
  readonly said: string[];
}

/** A server and clients in this process, over real sockets and TLS; their scripts run in processes of their own. */
export class LiveFederation {
  readonly kits: LiveKits;
  readonly #running = new Map<string, Running>();
  readonly #admins: Admin[] = [];

  constructor(kits: LiveKits) {
    this.kits = kits;
  }

  static async start(root: string, { clients = 2 } = {}): Promise<LiveFederation> {
    const federation = new LiveFederation(await makeLiveKits(root, { clients }));
    await federation.startServer();
    for (let site = 1; site <= clients; site++) await federation.startClient(`site-${site}`);
    await federation.connected(clients);
    return federation;
  }

  get state(): string {
    return join(this.kits.kit('hub'), 'state');
  }

  async startServer(): Promise<void> {
    const ready = Promise.withResolvers<void>();
    const running = start((signal, tell) =>
      serve({ kitDir: this.kits.kit('hub'), tell, signal, onReady: () => ready.resolve() }),
    );
    this.#running.set('hub', running);
    await Promise.race([ready.promise, running.done]);
  }

  async startClient(name: string, options: Partial<ClientOptions> = {}): Promise<void> {
    const engine = { choice: 'cpu', gpu: undefined, requireGpu: false } as const;
    const kitDir = this.kits.kit(name);
    this.#running.set(
      name,
      start((signal, tell) => runClient({ kitDir, engine, tell, signal, ...options })),
    );
  }

  /** In order, as on Ctrl-C. */
  async stop(name: string): Promise<void> {
    const running = this.#running.get(name);
    this.#running.delete(name);
    running?.stop.abort(new Error('stopped by the test'));
    await running?.done.catch(() => undefined);
  }

  /** What somebody told people so far. */
  said(name: string): readonly string[] {
    return this.#running.get(name)?.said ?? [];
  }

  /** Settles as the process would end. */
  ended(name: string): Promise<unknown> {
    return this.#running.get(name)?.done ?? Promise.resolve();
  }

  async admin(name = PROJECT_ADMIN): Promise<Admin> {
    const admin = new Admin(await openKit(this.kits.kit(name), 'admin'), {});
    this.#admins.push(admin);
    return admin;
  }

  async connected(count: number): Promise<void> {
    const admin = await this.admin();
    await until(
      async () => (await admin.status()).sites.filter(({ connected }) => connected).length >= count,
    );
  }

  async submit(job: string, options: Partial<SubmitOptions> = {}): Promise<string> {
    const signal = new AbortController().signal;
    return (await submitJob(await this.admin(), job, { signal, ...options })).jobId;
  }

  /** Ends a job, wherever it is: one whose results are being written cannot be aborted any more. */
  async end(id: string): Promise<JobMeta> {
    const admin = await this.admin();
    await admin.abort(id).catch((error: { readonly code?: string }) => {
      if (error.code !== 'NF_JOB_OVER') throw error;
    });
    return this.wait(id);
  }

  /** Until the job is over. */
  async wait(id: string, seconds: number = LIMITS.job): Promise<JobMeta> {
    return watchJob(await this.admin(), id, {
      timeout: seconds,
      signal: new AbortController().signal,
      onNews: () => undefined,
      onTrouble: () => undefined,
    });
  }

  async run(job: string, options: Partial<SubmitOptions> = {}): Promise<JobMeta> {
    return this.wait(await this.submit(job, options));
  }

  async download(id: string, target: string): Promise<string> {
    const signal = new AbortController().signal;
    const { folder } = await downloadJob(await this.admin(), id, {
      target,
      force: false,
      progress: noProgress,
      signal,
    });
    return folder;
  }

  /** The final model as the server has it. */
  model(id: string): Promise<Buffer> {
    return readFile(join(this.state, 'jobs', id, 'model.safetensors'));
  }

  async close(): Promise<void> {
    await Promise.all(this.#admins.map((admin) => admin.close()));
    await Promise.all(
      [...this.#running.keys()].filter((name) => name !== 'hub').map((name) => this.stop(name)),
    );
    await this.stop('hub');
  }
}

/** Looks again and again until it holds. What takes long to look at, as a question to the server does, is looked at less often. */
export async function until(
  holds: () => Promise<boolean> | boolean,
  seconds: number = LIMITS.moment,
): Promise<void> {
  const ends = performance.now() + seconds * 1000;
  for (let begun = performance.now(); !(await holds()); begun = performance.now()) {
    if (performance.now() > ends) throw new Error(`It does not hold after ${seconds} s: ${holds}`);
    const took = performance.now() - begun;
    await new Promise((resolve) => setTimeout(resolve, Math.min(150, 20 + 5 * took)));
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

function start(work: (signal: AbortSignal, tell: (line: string) => void) => Promise<unknown>): Running {
  const stop = new AbortController();
  const said: string[] = [];
  const done = work(stop.signal, (line) => said.push(line));
  done.catch(() => undefined);
  return { stop, done, said };
}

async function changeFile(path: string, changes: Readonly<Record<string, string>>): Promise<void> {
  let text = await readFile(path, 'utf8');
  for (const [before, after] of Object.entries(changes)) {
    if (!text.includes(before)) throw new Error(`${path} has no '${before}'`);
    text = text.replace(before, after);
  }
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, text);
}

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Admin } from '../../src/runtime/deployment/admin/admin.ts';
import { submitJob } from '../../src/runtime/deployment/admin/submit.ts';
import { watchJob } from '../../src/runtime/deployment/admin/watch-job.ts';
import type { JobMeta } from '../../src/runtime/network/messages/admin.ts';
import { openKit } from '../../src/runtime/security/kit/open.ts';
import { LIMITS } from './limits.ts';
import { type LiveKits, makeLiveKits, PROJECT_ADMIN, until } from './live-federation.ts';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

export interface ProcessStart {
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  /** Shell lines in whose namespace and with whose mounts the process runs. */
  readonly within?: string;
  /** Files and connections it may have open (`ulimit -n`). */
  readonly openFiles?: number;
}

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  output: string;
}

/** Server and clients as the processes that users start, from the built command line: to be killed at any moment. */
export class ProcessFederation {
  readonly kits: LiveKits;
  readonly #running = new Map<string, Running>();
  readonly #admin: Admin;

  private constructor(kits: LiveKits, admin: Admin) {
    this.kits = kits;
    this.#admin = admin;
  }

  static async make(
    root: string,
    options: Parameters<typeof makeLiveKits>[1] = {},
  ): Promise<ProcessFederation> {
    const kits = await makeLiveKits(root, options);
    const admin = new Admin(await openKit(kits.kit(PROJECT_ADMIN), 'admin'), { connectSeconds: 1 });
    return new ProcessFederation(kits, admin);
  }

  get admin(): Admin {
    return this.#admin;
  }

  get state(): string {
    return join(this.kits.kit('hub'), 'state');
  }

  start(name: string, { env = {}, flags = [], within, openFiles }: ProcessStart = {}): void {
    const words = name === 'hub' ? ['server', 'start'] : ['client', 'start'];
    const more = name === 'hub' || flags.includes('--engine') ? flags : ['--engine', 'cpu', ...flags];
    const bare = [process.execPath, RUN, ...words, this.kits.kit(name), ...more];
    const command =
      openFiles === undefined ? bare : ['sh', '-c', `ulimit -n ${openFiles}; exec "$@"`, 'sh', ...bare];
    const [program = '', ...args] =
      within === undefined
        ? command
        : ['unshare', '-rm', 'sh', '-c', `${within}\nexec "$@"`, 'sh', ...command];
    const child = spawn(program, args, {
      env: { ...process.env, NODE_OPTIONS: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
      child.on('exit', (code, signal) => resolve({ code, signal })),
    );
    const running: Running = { child, ended, output: '' };
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        running.output += text;
      });
    this.#running.set(name, running);
  }

  async startAll(clients: number, starts: Readonly<Record<string, ProcessStart>> = {}): Promise<void> {
    this.start('hub', starts.hub);
    for (let site = 1; site <= clients; site++) this.start(`site-${site}`, starts[`site-${site}`]);
    await this.connected(clients);
  }

  async connected(count: number): Promise<void> {
    await until(async () => {
      const status = await this.#admin.status().catch(() => undefined);
      return (status?.sites.filter(({ connected }) => connected).length ?? 0) >= count;
    });
  }

  async answers(): Promise<void> {
    await until(async () => (await this.#admin.status().catch(() => undefined)) !== undefined);
  }

  output(name: string): string {
    return this.#running.get(name)?.output ?? '';
  }

  /** How a process ended. */
  async ended(name: string, seconds: number = LIMITS.moment) {
    const running = this.#running.get(name);
    if (!running) throw new Error(`${name} was not started`);
    const late = sleep(seconds * 1000, undefined, { ref: false }).then(() => {
      throw new Error(`${name} still runs after ${seconds} s:\n${running.output}`);
    });
    return Promise.race([running.ended, late]);
  }

  pid(name: string): number {
    return this.#running.get(name)?.child.pid ?? 0;
  }

  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const running = this.#running.get(name);
    this.#running.delete(name);
    running?.child.kill(signal);
    await running?.ended;
  }

  /** The process that runs the scripts of a site. */
  jobProcess(site: string): number | undefined {
    const jobs = join(this.kits.kit(site), 'work/jobs');
    for (const id of safely(() => readdirSync(jobs)) ?? []) {
      const identity = safely(() => readFileSync(join(jobs, id, 'process'), 'utf8'));
      if (identity !== undefined) return Number(identity.split(' ')[0]);
    }
    return undefined;
  }

  async submit(job: string, token?: string): Promise<string> {
    const { signal } = new AbortController();
    return (await submitJob(this.#admin, job, { signal, ...(token !== undefined && { token }) })).jobId;
  }

  async abort(id: string): Promise<void> {
    await this.#admin.abort(id);
  }

  async wait(id: string, seconds: number = LIMITS.job): Promise<JobMeta> {
    return watchJob(this.#admin, id, {
      timeout: seconds,
      signal: new AbortController().signal,
      onNews: () => undefined,
      onTrouble: () => undefined,
    });
  }

  model(id: string): Buffer {
    return readFileSync(join(this.state, 'jobs', id, 'model.safetensors'));
  }

  async close(): Promise<void> {
    await this.#admin.close();
    await Promise.all([...this.#running.keys()].map((name) => this.kill(name)));
  }
}

function safely<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { sha256 } from '../../src/runtime/base/digest.ts';
import type { ParamSet } from '../../src/runtime/base/tensors/nd-array.ts';
import { encodeSafetensors } from '../../src/runtime/base/tensors/safetensors.ts';
import type { AssignedTask, Assignment, Decision } from '../../src/runtime/network/messages/site.ts';
import type { SignedJob } from '../../src/runtime/network/messages/terms.ts';
import { openKit } from '../../src/runtime/security/kit/open.ts';
import { type LiveKits, until } from './live-federation.ts';
import { bodyOf } from './tls-server.ts';

/** A job as this server offers it. */
export interface Offer {
  readonly id: string;
  readonly signed: SignedJob;
  readonly packed: Buffer;
}

type Handled = object | Buffer | undefined;

/** A server of the tests' own making with the kit of the real one: it speaks the protocol by hand and asks for whatever it likes. */
export class OwnServer {
  jobs: Assignment['jobs'] = [];
  crl: string | undefined;
  readonly decisions: (Decision & { job: string })[] = [];
  readonly results: { task: string }[] = [];
  /** What it answers to a GET of an admin, by path. */
  readonly answers = new Map<string, object>();
  /** Jobs that admins sent. */
  readonly submissions: object[] = [];
  readonly failures: { task: string; error: { code: string; message: string } }[] = [];
  /** Bytes of models and code that were fetched. */
  fetched = 0;
  uploaded = 0;
  polls = 0;
  /** Whether it answers polls at once, also when there is nothing new. */
  isHasty = false;
  /** Whether it names another list of the revoked each time. */
  inventsLists = false;
  /** Whether what it gives for that list is none of its form. */
  garblesLists = false;
  /** Times it was asked for that list. */
  lists = 0;
  readonly #offers = new Map<string, Offer>();
  readonly #models = new Map<string, Buffer>();
  #version = 0;
  #seen: string | null = null;
  #close: () => Promise<void> = async () => undefined;

  static async start(kits: LiveKits): Promise<OwnServer> {
    const own = new OwnServer();
    const { tls } = await openKit(kits.kit('hub'), 'server');
    const server = createServer(tls, (request, response) => void own.#answer(request, response));
    await new Promise<void>((resolve) => void server.listen(kits.port, '127.0.0.1', resolve));
    own.#close = async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    };
    return own;
  }

  close(): Promise<void> {
    return this.#close();
  }

  offer(offer: Offer): void {
    this.#offers.set(offer.id, offer);
    this.want([this.#wanted(offer.id)]);
  }

  /** Everything the site should be doing from now on. */
  want(jobs: Assignment['jobs']): void {
    this.jobs = jobs;
    this.#version++;
  }

  model(params: ParamSet): { sha256: string; size: number } {
    const bytes = Buffer.from(encodeSafetensors(params));
    this.#models.set(sha256(bytes), bytes);
    return { sha256: sha256(bytes), size: bytes.length };
  }

  /** Until the site has what it is wanted to do. */
  async seen(): Promise<void> {
    await until(() => this.#seen === String(this.#version));
  }

  tell(crl: string): void {
    this.crl = crl;
    this.#version++;
  }

  /** What the site says to an offer at last. */
  async decisionOn(job: string): Promise<Decision> {
    const found = () => this.decisions.findLast((decision) => decision.job === job);
    await until(() => found() !== undefined);
    return found() as Decision;
  }

  /** Gives a task and waits for what it comes to: `result`, or the code of the failure. */
  async ask(job: string, task: AssignedTask): Promise<string> {
    const before = this.results.length + this.failures.length;
    const failed = this.failures.length;
    this.want([{ ...this.#wanted(job), task }]);
    await until(() => this.results.length + this.failures.length > before);
    const failure = this.failures.slice(failed)[0];
    return failure ? failure.error.code : 'result';
  }

  #wanted(job: string): Assignment['jobs'][number] {
    const terms = this.#offers.get(job)?.signed.terms;
    const resume = terms?.version === 2 ? terms.resume : undefined;
    return { job_id: job, log_level: 'info', ...(resume !== undefined && { resume }) };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = ''] = (request.url ?? '').split('?');
    const body = await bodyOf(request).catch(() => Buffer.alloc(0));
    const said = await this.#handle(request, path, body);
    if (Buffer.isBuffer(said)) {
      this.fetched += said.length;
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(said);
    } else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(said ?? {}));
  }

  async #handle({ method, headers }: IncomingMessage, path: string, body: Buffer): Promise<Handled> {
    const time = new Date().toISOString();
    if (path === '/v1/site/session' && method === 'POST')
      return {
        session: randomUUID(),
        server: 'hub',
        project: 'brain',
        version: '0',
        time,
        seen_as: '127.0.0.1',
        lease_seconds: 10,
        poll_seconds: 3,
      };
    const answer = this.answers.get(path);
    if (answer) return answer;
    if (path === '/v1/jobs/' && method === 'POST') {
      this.submissions.push(JSON.parse(body.toString()));
      return { job_id: randomUUID(), is_new: true };
    }
    if (path === '/v1/site/poll') return this.#poll(JSON.parse(body.toString()).seen, time);
    if (path === '/v1/site/revoked') {
      this.lists++;
      if (this.garblesLists) return { crl: 1 };
      return { crl: this.inventsLists ? 'no list' : this.crl };
    }
    const [, job = '', what = '', digest = ''] =
      /^\/v1\/site\/jobs\/([^/]+)\/([^/]+)\/?(.*)$/.exec(path) ?? [];
    if (what === 'resumable') return { resumable: this.#offers.has(job) };
    if (what === 'signature') return this.#offers.get(job)?.signed;
    if (what === 'bundle') return this.#offers.get(job)?.packed;
    if (what === 'files') return this.#models.get(digest);
    if (what === 'uploads' && method === 'GET') return { offset: 0, done: false };
    if (what === 'uploads') {
      this.uploaded += body.length;
      return { offset: Number(headers['upload-length']), done: true };
    }
    if (what === 'decision') this.decisions.push({ job, ...JSON.parse(body.toString()) });
    if (what === 'results') this.results.push(JSON.parse(body.toString()));
    if (what === 'failures') this.failures.push(JSON.parse(body.toString()));
    return what === 'results' || what === 'failures' ? { verdict: 'accepted', round: null } : {};
  }

  async #poll(seen: string | null, time: string): Promise<Assignment> {
    const began = performance.now();
    this.#seen = seen;
    this.polls++;
    while (!this.isHasty && seen === String(this.#version) && performance.now() - began < 500)
      await new Promise((resolve) => setTimeout(resolve, 10));
    return {
      version: String(this.#version),
      jobs: this.jobs,
      time,
      ...((this.inventsLists || this.garblesLists) && { revoked_sha256: sha256(String(this.polls)) }),
      ...(this.crl !== undefined && { revoked_sha256: sha256(this.crl) }),
    };
  }
}

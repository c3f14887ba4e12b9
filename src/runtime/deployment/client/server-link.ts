import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { isEvaluationTask } from '../../algorithms/evaluation/tasks.ts';
import { isHarmoniseTask } from '../../algorithms/harmonisation/tasks.ts';
import { partsOfTask } from '../../algorithms/task.ts';
import {
  type ErrorReport,
  flError,
  type NeuroflareError,
  toNeuroflareError,
} from '../../base/errors/errors.ts';
import { REQUEST_LIMITS } from '../../base/limits.ts';
import { type SecurePhase, securePhase } from '../../job/secure-tasks.ts';
import { fitReport } from '../../network/messages/fit-report.ts';
import { auditHeadAnswer, type LogHead } from '../../network/messages/log-head.ts';
import { HEADER } from '../../network/messages/protocol.ts';
import {
  type Assignment,
  assignment,
  type Decision,
  type logLines,
  type pollRequest,
  type report,
  resumableAnswer,
  revokedAnswer,
  sessionAnswer,
  type sessionRequest,
  type TaskFailure,
  type TaskResult,
  verdictAnswer,
} from '../../network/messages/site.ts';
import { type SignedJob, signedJob } from '../../network/messages/terms.ts';
import type { Connection } from '../../network/transfer/connection.ts';
import { type Download, download } from '../../network/transfer/download.ts';
import { isPassing, ServerRefusal } from '../../network/transfer/failures.ts';
import { upload } from '../../network/transfer/upload.ts';
import type { Egress, EgressKind, EgressLedger } from './ledger/egress-ledger.ts';
import { withoutSitePaths } from './memory/site-paths.ts';
import { type OnTrouble, whenRoom } from './tasks/when-room.ts';

export interface LinkOptions {
  readonly connection: Connection;
  readonly ledger: EgressLedger;
  readonly hello: z.output<typeof sessionRequest>;
  readonly signal: AbortSignal;
  /** The way to the server is lost, or there again. */
  readonly onTrouble: (error: NeuroflareError | undefined) => void;
}

interface Said<Schema extends z.ZodType> {
  readonly body: unknown;
  readonly answer: Schema;
  readonly signal?: AbortSignal;
  /** What the ledger says of each try. */
  readonly egress: Omit<Egress, 'bytes'>;
}

export interface FetchedFile extends Pick<Download, 'target' | 'sha256' | 'size' | 'onReached'> {
  readonly onTrouble: OnTrouble;
}

const nothing = z.object({});
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
/** Between two questions of a site that is not let in. */
const KNOCK_MS = 2000;
/** Another client may end, and an admin may let the site in. */
const KNOCKING: ReadonlySet<string> = new Set(['NF_SITE_TAKEN', 'NF_SITE_DISABLED']);
/** Of a client that was in before: a clock that was set wrong, a certificate that is being renewed. */
const CLOCKS: ReadonlySet<string> = new Set(['NF_CERT_REFUSED', 'NF_SERVER_UNTRUSTED', 'NF_TLS_REFUSED']);

/** What its form lets it be, as JSON. */
const MOST_CRL_BYTES = 5_000_000;
/** Less than a site may be silent. */
const CRL_SECONDS = 5;

/**
 * What a client says to its server. Whatever fails for the line's sake is said again until it arrives: only the server's own
 * answers are thrown.
 */
export class ServerLink {
  readonly #options: LinkOptions;
  #session: Promise<z.output<typeof sessionAnswer>> | undefined;
  #wasThere = false;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Registers, and again whenever the server has forgotten this client. */
  session(): Promise<z.output<typeof sessionAnswer>> {
    this.#session ??= this.#register();
    return this.#session;
  }

  async poll({ jobs, ...request }: z.output<typeof pollRequest>): Promise<Assignment> {
    const body = {
      ...request,
      jobs: jobs.map((job) => (job.trouble ? { ...job, trouble: withoutSitePaths(job.trouble) } : job)),
    };
    return this.#insist((headers, signal) => {
      this.#options.ledger.addUp('signs of life', sizeOf(body));
      return this.#options.connection.send({
        method: 'POST',
        path: '/v1/site/poll',
        body,
        headers,
        answer: assignment,
        signal,
        waitSeconds: body.wait_seconds + 15,
      });
    });
  }

  signedJob(job: string, signal: AbortSignal): Promise<SignedJob> {
    return this.#get(`/v1/site/jobs/${job}/signature`, { answer: signedJob, signal });
  }

  /** Whether what the site keeps of a job may be needed yet. */
  async mayResume(job: string, signal: AbortSignal): Promise<boolean> {
    const path = `/v1/site/jobs/${job}/resumable`;
    return (await this.#get(path, { answer: resumableAnswer, signal })).resumable;
  }

  /** PEM of the list of revoked certificates the server has. Asked once: no job of this site is to wait for an answer that never comes. */
  async revoked(): Promise<string> {
    const { session } = await this.session();
    const { crl } = await this.#options.connection.send({
      method: 'GET',
      path: '/v1/site/revoked',
      headers: { [HEADER.session]: session },
      answer: revokedAnswer,
      mostBytes: MOST_CRL_BYTES,
      waitSeconds: CRL_SECONDS,
      signal: AbortSignal.any([this.#options.signal, AbortSignal.timeout(CRL_SECONDS * 1000)]),
    });
    return crl;
  }

  /** Asked once: servers of version 0.1.0 do not tell. */
  async auditHead(signal: AbortSignal): Promise<LogHead | undefined> {
    const { session } = await this.session();
    const { head } = await this.#options.connection.send({
      method: 'GET',
      path: '/v1/site/audit-head',
      headers: { [HEADER.session]: session },
      answer: auditHeadAnswer,
      signal: AbortSignal.any([signal, this.#options.signal]),
    });
    return head ?? undefined;
  }

  /** A reason speaks of the site's rules, and names no file of them. */
  async decide(job: string, { reason, ...answer }: Decision): Promise<void> {
    const body = { ...answer, ...(reason && { reason: withoutSitePaths(reason) }) };
    const egress = { what: 'decision', job } as const;
    await this.#post(`/v1/site/jobs/${job}/decision`, { body, answer: nothing, egress });
  }

  /** Lost if the line is down: the next one tells more. */
  async report(job: string, body: z.output<typeof report>): Promise<void> {
    const { session } = await this.session();
    this.#options.ledger.addUp('progress', sizeOf(body));
    await this.#options.connection.send({
      method: 'POST',
      path: `/v1/site/jobs/${job}/reports`,
      body,
      headers: { [HEADER.session]: session },
      answer: nothing,
      signal: this.#options.signal,
    });
  }

  async sendLog(job: string, body: z.output<typeof logLines>): Promise<void> {
    await this.#post(`/v1/site/jobs/${job}/logs`, { body, answer: nothing, egress: { what: 'log', job } });
  }

  async sendResult(job: string, body: TaskResult, signal: AbortSignal) {
    const { task } = body;
    const what = kindOf(partsOfTask(task).name);
    const egress = { what, job, task } as const;
    return this.#post(`/v1/site/jobs/${job}/results`, { body, answer: verdictAnswer, signal, egress });
  }

  async sendFailure(job: string, failure: TaskFailure, signal: AbortSignal) {
    const body = { ...failure, error: fitReport(failure.error as ErrorReport) };
    const { task } = body;
    const egress = { what: 'failure', job, task } as const;
    return this.#post(`/v1/site/jobs/${job}/failures`, { body, answer: verdictAnswer, signal, egress });
  }

  async fetch(path: string, { onTrouble, ...file }: FetchedFile, signal: AbortSignal): Promise<void> {
    const receive = () =>
      this.#insist(
        (headers, either) => download(this.#options.connection, { path, headers, ...file, signal: either }),
        signal,
      );
    await whenRoom(receive, { onTrouble, signal });
  }

  /** Bytes that have left and are acknowledged are never sent again. */
  async sendUpdate(
    job: string,
    { task, file, sha256, size }: { task: string; file: string; sha256: string; size: number },
    signal: AbortSignal,
  ): Promise<void> {
    const { ledger } = this.#options;
    const what = securePhase(partsOfTask(task).name) === undefined ? 'update' : 'masked update';
    const onPiece = (bytes: number) => ledger.record({ what, bytes, job, task, sha256 });
    const path = `/v1/site/jobs/${job}/uploads/${sha256}`;
    await this.#insist(
      (headers, either) =>
        upload(this.#options.connection, { path, headers, file, size, onPiece, signal: either }),
      signal,
    );
  }

  /** Says goodbye, if that is possible at once. */
  async leave({ comesBack }: { comesBack: boolean }): Promise<void> {
    const session = await Promise.race([this.#session, sleep(0)]).catch(() => undefined);
    if (!session) return;
    const headers = { [HEADER.session]: session.session };
    await this.#options.connection
      .send({
        method: 'DELETE',
        path: `/v1/site/session?comes_back=${comesBack}`,
        headers,
        answer: nothing,
        waitSeconds: 2,
      })
      .catch(() => undefined);
  }

  #get<Schema extends z.ZodType>(
    path: string,
    { answer, signal }: { answer: Schema; signal?: AbortSignal },
  ): Promise<z.output<Schema>> {
    return this.#insist(
      (headers, either) =>
        this.#options.connection.send({ method: 'GET', path, headers, answer, signal: either }),
      signal,
    );
  }

  #post<Schema extends z.ZodType>(path: string, { body, answer, signal, egress }: Said<Schema>) {
    return this.#insist(async (headers, either) => {
      await this.#options.ledger.record({ ...egress, bytes: sizeOf(body) });
      return this.#options.connection.send({ method: 'POST', path, body, headers, answer, signal: either });
    }, signal);
  }

  /** @throws what the server answered, or the reason of the signal */
  async #insist<Result>(
    work: (headers: Record<string, string>, signal: AbortSignal) => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result> {
    const either = signal ? AbortSignal.any([signal, this.#options.signal]) : this.#options.signal;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 1.7)) {
      either.throwIfAborted();
      try {
        const { session } = await this.session();
        const result = await work({ [HEADER.session]: session }, either);
        this.#options.onTrouble(undefined);
        return result;
      } catch (thrown) {
        either.throwIfAborted();
        const error = toNeuroflareError(thrown);
        // Registering waits until the site is let in again.
        if (error.code === 'NF_SESSION_UNKNOWN' || KNOCKING.has(error.code) || CLOCKS.has(error.code))
          this.#session = undefined;
        else if (!isPassing(error) && !this.#isOdd(error)) throw error;
        else this.#options.onTrouble(error);
      }
      await pauseFor(pause, either);
    }
  }

  /** An answer in another form, or a failure inside the server: whoever was in before waits until it has passed. */
  #isOdd(error: NeuroflareError): boolean {
    const isOdd =
      error.code === 'NF_SERVER_ANSWER' || (error instanceof ServerRefusal && error.code === 'NF_INTERNAL');
    return this.#wasThere && isOdd;
  }

  async #register() {
    const { connection, hello, ledger, signal, onTrouble } = this.#options;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 1.7)) {
      try {
        ledger.addUp('registration', sizeOf(hello));
        const path = '/v1/site/session';
        const answer = await connection.send({
          method: 'POST',
          path,
          body: hello,
          answer: sessionAnswer,
          signal,
        });
        onTrouble(undefined);
        this.#wasThere = true;
        return answer;
      } catch (thrown) {
        signal.throwIfAborted();
        const error = toNeuroflareError(thrown);
        const knocks = KNOCKING.has(error.code) || (this.#wasThere && CLOCKS.has(error.code));
        if (!isPassing(error) && !knocks && !this.#isOdd(error)) throw error;
        onTrouble(error);
        await pauseFor(knocks ? KNOCK_MS : pause, signal);
      }
    }
  }
}

/** Not all clients at once after a server's restart. */
async function pauseFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds * (0.75 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
  signal.throwIfAborted();
}

/** Bytes of a body that may leave. @throws NF_REQUEST_TOO_LARGE before anything of it is written down or sent */
function sizeOf(body: unknown): number {
  const bytes = Buffer.byteLength(JSON.stringify(body));
  const limit = REQUEST_LIMITS.json_bytes.most;
  if (bytes > limit) throw flError('NF_REQUEST_TOO_LARGE', { limit });
  return bytes;
}

const SECURE_KINDS: Readonly<Record<SecurePhase, EgressKind>> = {
  keys: 'keys',
  shares: 'shares',
  masked: 'masked update',
  agree: 'agreement',
  open: 'unmasking',
};

/** What leaves with the answer to a task of this name. */
function kindOf(task: string): EgressKind {
  const phase = securePhase(task);
  if (phase) return SECURE_KINDS[phase];
  if (isHarmoniseTask(task)) return 'harmonisation';
  return isEvaluationTask(task) ? 'evaluation' : 'figures';
}

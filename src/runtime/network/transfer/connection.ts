import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import { type ErrorReport, flError, isErrorCode, type NeuroflareError } from '../../base/errors/errors.ts';
import { saidBy } from '../../base/errors/said-by.ts';
import { parseJson } from '../../base/parse-json.ts';
import { counted } from '../../base/text/counted.ts';
import { HEADER, JSON_TYPE, PROTOCOL_VERSION } from '../messages/protocol.ts';
import { errorReport } from '../messages/shapes.ts';
import { type DispatcherOptions, makeDispatcher, SILENCE_SECONDS, type TlsMaterial } from './dispatcher.ts';
import { networkError, ServerRefusal } from './failures.ts';

export interface ConnectionOptions extends DispatcherOptions {
  readonly host: string;
  readonly port: number;
  /** Called before each request with the bytes of its line and headers, as near as they can be told. */
  readonly onRequest?: ((headerBytes: number) => void) | undefined;
  /** Of one answer that is no stream; default 2 MB. */
  readonly mostAnswerBytes?: number | undefined;
}

export interface JsonRequest<Schema extends z.ZodType> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the answer must look like. */
  readonly answer: Schema;
  readonly signal?: AbortSignal | undefined;
  /** Longest wait for the answer; default 20 s. */
  readonly waitSeconds?: number;
  /** Of this answer; default: the connection's. */
  readonly mostBytes?: number | undefined;
}

export interface StreamRequest {
  readonly method: 'GET' | 'PATCH';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Dispatcher.DispatchOptions['body'];
  readonly signal?: AbortSignal | undefined;
}

const MOST_ANSWER_BYTES = 2_000_000;

const ONCE: object = { retryOptions: { maxRetries: 0 } };

/** One server, as one participant sees it. Failures are named errors: of the network, or what the server answered. */
export class Connection {
  readonly address: string;
  /** Without a byte moving for this long, a line counts as lost. */
  readonly silenceSeconds: number;
  readonly #options: ConnectionOptions;
  #dispatcher: Dispatcher;
  /** With requests that began before the certificate was another. */
  readonly #ending = new Set<Dispatcher>();
  readonly #origin: string;

  constructor(options: ConnectionOptions) {
    const host = options.host.includes(':') ? `[${options.host}]` : options.host;
    this.address = `${host}:${options.port}`;
    this.#origin = `https://${this.address}`;
    this.silenceSeconds = options.silenceSeconds ?? SILENCE_SECONDS;
    this.#options = options;
    this.#dispatcher = makeDispatcher(options);
  }

  async send<Schema extends z.ZodType>(request: JsonRequest<Schema>): Promise<z.output<Schema>> {
    const { body, answer, signal, waitSeconds, mostBytes } = request;
    const headers = body === undefined ? {} : { 'content-type': JSON_TYPE };
    const response = await this.#request({
      method: request.method,
      path: request.path,
      headers: { ...headers, ...request.headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
      ...(waitSeconds !== undefined && { headersTimeout: waitSeconds * 1000 }),
    });
    return this.read(response, answer, mostBytes);
  }

  /** What a response holds; one of 400 and above is thrown as the error the server named. */
  async read<Schema extends z.ZodType>(
    response: Dispatcher.ResponseData,
    answer: Schema,
    mostBytes?: number,
  ): Promise<z.output<Schema>> {
    const text = await this.text(response, mostBytes);
    if (response.statusCode >= 400) throw this.#refusal(response, text);
    const parsed = answer.safeParse(text === '' ? undefined : parseJson(text));
    if (parsed.success) return parsed.data;
    throw this.unusable('it has another form');
  }

  /** The response as it comes; one of 400 and above is thrown as the error the server named. */
  async stream({ signal, body, ...request }: StreamRequest): Promise<Dispatcher.ResponseData> {
    const response = await this.#request({
      ...request,
      // Streams go on by the byte, in a new request of their own.
      ...ONCE,
      ...(body !== undefined && { body }),
      ...(signal && { signal }),
    });
    if (response.statusCode < 400) return response;
    throw this.#refusal(response, await this.text(response));
  }

  /** The body of a response as text. What is longer is not read: a server could send without end. @throws NF_SERVER_ANSWER */
  text(
    { body }: Dispatcher.ResponseData,
    most = this.#options.mostAnswerBytes ?? MOST_ANSWER_BYTES,
  ): Promise<string> {
    return this.#named(async () => {
      const parts: Buffer[] = [];
      let bytes = 0;
      for await (const part of body as AsyncIterable<Buffer>) {
        bytes += part.length;
        if (bytes > most) throw this.unusable(`it has more than ${counted(most, 'byte')}`);
        parts.push(part);
      }
      return Buffer.concat(parts).toString('utf8');
    });
  }

  /** Turns failures while a body is read into named ones. */
  async #named<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw this.nameFailure(error);
    }
  }

  /** An answer that no server of this version gives. */
  unusable(reason: string): NeuroflareError {
    return flError('NF_SERVER_ANSWER', { address: this.address, reason });
  }

  nameFailure(error: unknown): unknown {
    return networkError(error, { address: this.address, proxy: this.#options.proxy }) ?? error;
  }

  /** Shows another certificate from the next request on; those under way end as they began. */
  renew(tls: TlsMaterial): void {
    const old = this.#dispatcher;
    this.#dispatcher = makeDispatcher({ ...this.#options, tls });
    this.#ending.add(old);
    void old
      .close()
      .catch(() => undefined)
      .then(() => this.#ending.delete(old));
  }

  async close(): Promise<void> {
    await Promise.all([this.#dispatcher, ...this.#ending].map((dispatcher) => dispatcher.destroy()));
  }

  #request(options: Omit<Dispatcher.RequestOptions, 'origin'>): Promise<Dispatcher.ResponseData> {
    this.#options.onRequest?.(headerSize(options));
    return this.#named(() => this.#dispatcher.request({ origin: this.#origin, ...options }));
  }

  #refusal({ statusCode: status, headers }: Dispatcher.ResponseData, text: string): NeuroflareError {
    const report = errorReport.safeParse(parseJson(text)).data as ErrorReport | undefined;
    if (!report) return this.unusable(`HTTP ${status}`);
    // A server of version 1 does not say which it speaks, and takes itself for the measure.
    if (report.code === 'NF_PROTOCOL_VERSION' && headers[HEADER.protocol] === undefined)
      return flError('NF_SERVER_OLDER', { address: this.address, own: PROTOCOL_VERSION });
    if (isErrorCode(report.code)) return new ServerRefusal(report.code, saidBy('the server', report));
    const { code, message } = report;
    return flError('NF_SERVER_REFUSAL', { address: this.address, reason: `${code}: ${message}` });
  }
}

/** What is written for the host, the connection and the protocol of every request. */
const COMMON_BYTES = 200;

function headerSize({ method, path, headers }: Omit<Dispatcher.RequestOptions, 'origin'>): number {
  const pairs = Object.entries((headers ?? {}) as Record<string, string>);
  const own = pairs.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  return COMMON_BYTES + method.length + path.length + own;
}

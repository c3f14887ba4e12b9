import { Agent, type Dispatcher, interceptors, Pool, ProxyAgent } from 'undici';
import { packageVersion } from '../../base/files/package-version.ts';
import { HEADER, PROTOCOL_VERSION } from '../messages/protocol.ts';

/** PEM texts of one end of a mutual handshake. */
export interface TlsMaterial {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly minVersion: 'TLSv1.3';
}

export interface DispatcherOptions {
  readonly tls: TlsMaterial;
  /** `http://host:port` of a proxy that lets CONNECT through. */
  readonly proxy?: string | undefined;
  readonly connectSeconds: number;
  /** Without a byte moving for this long, a line counts as lost; default 20. */
  readonly silenceSeconds?: number;
  /** Times that a request is sent again by itself when its connection broke; default 1. */
  readonly retries?: number;
}

export const SILENCE_SECONDS = 20;

/**
 * The way of every request: mutual TLS, straight or through a proxy, with what all of them carry. Requests are made so that
 * repeating them changes nothing, so one whose connection broke is sent once more.
 */
export function makeDispatcher({
  tls,
  proxy,
  connectSeconds,
  silenceSeconds = SILENCE_SECONDS,
  retries = 1,
}: DispatcherOptions): Dispatcher {
  const { ca, cert, key, minVersion } = tls;
  const secure = { ca, cert, key, minVersion };
  const silence = silenceSeconds * 1000;
  const timeouts = { headersTimeout: silence, bodyTimeout: silence, keepAliveTimeout: 30_000 };
  const connect = { ...secure, timeout: connectSeconds * 1000, maxCachedSessions: 0, allowH2: false };
  const agent =
    proxy === undefined
      ? new Agent({ ...timeouts, connect, allowH2: false })
      : new ProxyAgent({
          ...timeouts,
          uri: proxy,
          requestTls: connect,
          allowH2: false,
          connectTimeout: connect.timeout,
          // The proxy's own answer has a limit, too: undici's is minutes.
          clientFactory: (origin, options) => new Pool(origin, { ...options, headersTimeout: silence }),
        });
  const retry = interceptors.retry({
    maxRetries: retries,
    minTimeout: 50,
    methods: ['GET', 'POST', 'PUT', 'DELETE'],
    statusCodes: [],
    errorCodes: ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'],
  });
  return agent.compose(retry, introduce);
}

/** Says in every request which protocol this is. */
const introduce: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) => {
  const given = (options.headers ?? {}) as Record<string, string>;
  const headers = {
    [HEADER.protocol]: String(PROTOCOL_VERSION),
    'user-agent': `neuroflare/${packageVersion()}`,
    ...given,
  };
  return dispatch({ ...options, headers }, handler);
};

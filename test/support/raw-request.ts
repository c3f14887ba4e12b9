import type { IncomingHttpHeaders } from 'node:http';
import { type RequestOptions, request as secureRequest } from 'node:https';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { openKit } from '../../src/runtime/security/kit/open.ts';
import type { LiveKits } from './live-federation.ts';

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Certificate and key of a participant, as OpenSSL takes them. */
export async function tlsOf({ kit }: Pick<LiveKits, 'kit'>, name: string) {
  const type = name.includes('@') ? 'admin' : 'client';
  const { ca, cert, key } = (await openKit(kit(name), type)).tls;
  return { ca, cert, key };
}

/** A request as OpenSSL and Node.js make it, with whatever certificate, headers and body. */
export function ask(
  { port }: Pick<LiveKits, 'port'>,
  path: string,
  options: RequestOptions & { body?: string | Uint8Array | undefined } = {},
): Promise<RawAnswer> {
  const { body, ...rest } = options;
  return new Promise((resolve, reject) => {
    const outgoing = secureRequest({ host: 'localhost', port, path, agent: false, ...rest }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      const { statusCode = 0, headers } = response;
      response.on('end', () => resolve({ status: statusCode, headers, body: text }));
    });
    outgoing.on('error', reject).end(body);
  });
}

/** Writes text to the server as it is, and gives all that comes back until the line is closed. */
export function say(
  { port }: Pick<LiveKits, 'port'>,
  text: string,
  tls: { ca: string; cert?: string; key?: string },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = tlsConnect({ host: 'localhost', port, servername: 'localhost', ...tls }, () =>
      socket.write(text),
    );
    let heard = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      heard += part;
    });
    socket.on('error', reject).on('close', () => resolve(heard));
  });
}

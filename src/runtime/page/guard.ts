import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { NeuroflareError } from '../base/errors/errors.ts';

/** What every answer says to the browser: this page alone, with its own scripts, pictures and data, and nobody may frame or keep it. */
export const ANSWER_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

export interface Asked {
  readonly headers: IncomingHttpHeaders;
  /** The token in the address; undefined where it has none. */
  readonly token: string | undefined;
}

export interface GuardOptions {
  /** Of the page, in the name of its cookie. */
  readonly name: string;
  /** That the page listens on, known once it does. */
  readonly port: () => number;
  readonly refused: (reason: string) => NeuroflareError;
}

/** Who may ask: a browser of this machine that has the token, for this page, under this machine's own name. */
export class Guard {
  /** Where all of the page lies. Browsers send a cookie to every port of a machine, but only below its path: nobody else has this one. */
  readonly folder = `/${randomBytes(16).toString('base64url')}`;
  readonly #token = randomBytes(32).toString('base64url');
  readonly #options: GuardOptions;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** The page's address with its token. */
  get address(): string {
    return `http://127.0.0.1:${this.#options.port()}${this.folder}/?token=${this.#token}`;
  }

  /** Later requests carry the token so: scripts cannot read it, other sites' pages do not send it. */
  get cookie(): string {
    return `${this.#cookieName}=${this.#token}; Path=${this.folder}/; HttpOnly; SameSite=Strict`;
  }

  /**
   * A name of another machine that was made to lead here is refused (DNS rebinding), and what another page asks for, even with the cookie.
   * @throws what `refused` makes of the reason
   */
  check({ headers, token }: Asked): void {
    const { refused } = this.#options;
    const names = [`127.0.0.1:${this.#options.port()}`, `localhost:${this.#options.port()}`];
    if (!names.includes(headers.host ?? ''))
      throw refused('it was asked by another name than this machine has');
    const { origin } = headers;
    if (origin !== undefined && origin !== `http://${headers.host}`) throw refused('another page asks');
    if (token !== undefined) {
      if (!this.#isToken(token)) throw refused('the token in the address is wrong');
      return;
    }
    const site = headers['sec-fetch-site'];
    if (site !== undefined && site !== 'same-origin' && site !== 'none') throw refused('another page asks');
    if (!this.#isToken(this.#sent(headers.cookie))) throw refused('the token is missing');
  }

  /** Takes the same time for any wrong text. */
  #isToken(text: string): boolean {
    return timingSafeEqual(digest(text), digest(this.#token));
  }

  #sent(cookies = ''): string {
    const own = cookies.split(/; */).find((one) => one.startsWith(`${this.#cookieName}=`));
    return own?.slice(this.#cookieName.length + 1) ?? '';
  }

  /** Cookies know no port: two pages of one machine have one each. */
  get #cookieName(): string {
    return `neuroflare-${this.#options.name}-${this.#options.port()}`;
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

import type { Logger } from '../../base/logging/logger.ts';
import { counted } from '../../base/text/counted.ts';
import type { AuditLog, Deed } from './audit-log.ts';

const REPEATED_MS = 60_000;

/** A deed that is in the log, and how often it came again since. */
interface Noted {
  readonly deed: Deed;
  /** Of another job. */
  isOfMore: boolean;
  again: number;
  readonly timer: NodeJS.Timeout;
}

/** Deeds that others can repeat as often as they like: the first is a line at once, equal ones within a minute are one more line. */
export class RepeatedDeeds {
  readonly #to: { readonly audit: AuditLog; readonly logger: Pick<Logger, 'error'> };
  readonly #noted = new Map<string, Noted>();

  constructor(to: { readonly audit: AuditLog; readonly logger: Pick<Logger, 'error'> }) {
    this.#to = to;
  }

  /** @param key what makes deeds equal */
  async note(key: string, deed: Deed): Promise<void> {
    const known = this.#noted.get(key);
    if (known) {
      known.again++;
      known.isOfMore ||= known.deed.job !== deed.job;
      return;
    }
    const timer = setTimeout(() => this.#later(key), REPEATED_MS).unref();
    this.#noted.set(key, { deed, isOfMore: false, again: 0, timer });
    await this.#to.audit.append(deed);
  }

  /** Writes what waits for its minute. */
  async close(): Promise<void> {
    for (const key of [...this.#noted.keys()]) await this.#sumUp(key);
  }

  #later(key: string): void {
    this.#sumUp(key).catch((cause: unknown) =>
      this.#to.logger.error({ cause: String(cause) }, 'the audit log cannot be written'),
    );
  }

  async #sumUp(key: string): Promise<void> {
    const { deed, isOfMore, again, timer } = this.#noted.get(key) ?? {};
    this.#noted.delete(key);
    clearTimeout(timer);
    if (!deed || !again) return;
    const times = `${counted(again, 'time')} more within a minute`;
    const detail = deed.detail === undefined ? times : `${deed.detail}: ${times}`;
    await this.#to.audit.append({ ...deed, ...(isOfMore && { job: undefined }), detail });
  }
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../../base/digest.ts';
import { writeFileAtomic } from '../../../base/files/files.ts';
import { counted } from '../../../base/text/counted.ts';
import { timeText } from '../../../base/text/time-text.ts';
import type { Revocations } from '../../../security/certificate/revocations.ts';
import { REVOKED_FILE } from '../../../security/kit/layout.ts';
import type { OpenKit } from '../../../security/kit/open.ts';
import type { ClientFolder } from '../memory/client-folder.ts';

const DAY_MS = 86_400_000;
const NOBODY: ReadonlySet<string> = new Set();

/**
 * Whose signatures count no more, as far as this site knows: from its kit (`local/crl.pem`), or what the server passed on, which is kept
 * on disk. Both are signed by the authority; of two lists the newer one counts, and no server can bring an older one.
 */
export class SiteRevocations {
  readonly #path: string;
  readonly #rootPem: string;
  #known: Revocations | undefined;

  private constructor(path: string, rootPem: string) {
    this.#path = path;
    this.#rootPem = rootPem;
  }

  /** @throws NF_REVOKED_LIST: without its list a site would let the revoked in */
  static async open(folder: ClientFolder, { dir, tls }: Pick<OpenKit, 'dir' | 'tls'>) {
    const revocations = new SiteRevocations(folder.revoked, tls.ca);
    for (const path of [folder.revoked, join(dir, REVOKED_FILE)]) {
      const pem = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (pem !== undefined) await revocations.#consider(pem);
    }
    return revocations;
  }

  /** Serial numbers, in lower case. */
  get serials(): ReadonlySet<string> {
    return this.#known?.serials ?? NOBODY;
  }

  /** How old what this site knows is, for people: a server can keep a newer list from a site, and nobody here would see it otherwise. */
  told(now: Date): string {
    if (!this.#known)
      return 'no list of revoked certificates has come here: the coordinator knows whether there is one';
    const { at, serials } = this.#known;
    const days = Math.max(0, Math.floor((now.getTime() - at.getTime()) / DAY_MS));
    const count = counted(serials.size, 'certificate');
    return `the list of revoked certificates is of ${timeText(at)}, ${counted(days, 'day')} old, with ${count}: the coordinator knows whether there is a newer one`;
  }

  /** Of the list that counts. */
  get digest(): string | undefined {
    return this.#known && sha256(this.#known.pem);
  }

  /** Durable when it returns. @throws NF_REVOKED_LIST of a list that is older than the known one, or not the authority's */
  async take(pem: string): Promise<void> {
    const { readRevocations, requireNewer } = await import('../../../security/certificate/revocations.ts');
    const list = await readRevocations(pem, this.#rootPem);
    if (this.#known) requireNewer(list, this.#known);
    await writeFileAtomic(this.#path, pem);
    this.#known = list;
  }

  async #consider(pem: string): Promise<void> {
    const { readRevocations } = await import('../../../security/certificate/revocations.ts');
    const list = await readRevocations(pem, this.#rootPem);
    if (!this.#known || list.serials.size > this.#known.serials.size || list.at > this.#known.at)
      this.#known = list;
  }
}

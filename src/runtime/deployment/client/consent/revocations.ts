import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../../base/digest.ts';
import { writeFileAtomic } from '../../../base/files/files.ts';
import type { Revocations } from '../../../security/certificate/revocations.ts';
import { revocationsTold } from '../../../security/certificate/revocations-told.ts';
import { REVOKED_FILE } from '../../../security/kit/layout.ts';
import type { OpenKit } from '../../../security/kit/open.ts';
import type { ClientFolder } from '../memory/client-folder.ts';

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
    const paths = [folder.revoked, join(dir, REVOKED_FILE)];
    // Most sites have none, and the module that reads them takes long to load.
    if (!paths.some((path) => existsSync(path))) return revocations;
    const { newestList } = await import('../../../security/certificate/revocations.ts');
    revocations.#known = await newestList(paths, tls.ca);
    return revocations;
  }

  /** Serial numbers, in lower case. */
  get serials(): ReadonlySet<string> {
    return this.#known?.serials ?? NOBODY;
  }

  /** When the list that counts was made; undefined without one. */
  get at(): Date | undefined {
    return this.#known?.at;
  }

  /** How old what this site knows is, for people. */
  told(now: Date): string {
    return revocationsTold(this.#known, now);
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
}

import { rm, stat } from 'node:fs/promises';
import { sha256File } from '../../../base/digest.ts';
import type { NeuroflareError } from '../../../base/errors/errors.ts';
import { workFileFault } from './work-record.ts';

/** What a job's task is given, on this site's disk. A file of an earlier start is looked at before it is used: a disk may have damaged it. */
export class KeptModel {
  /** Digests of those that are known to be whole. */
  readonly #whole = new Set<string>();

  /** It was fetched, by its digest. */
  fetched(sha256: string): void {
    this.#whole.add(sha256);
  }

  /** Removed from the disk. */
  forget(sha256: string): void {
    this.#whole.delete(sha256);
  }

  /** False where it must be fetched; one that is damaged is told and removed. */
  async isAt(path: string, sha256: string, tell: (trouble: NeuroflareError) => void): Promise<boolean> {
    if (!(await stat(path).catch(() => undefined))) return false;
    if (this.#whole.has(sha256)) return true;
    if ((await sha256File(path).catch(() => undefined)) === sha256) {
      this.#whole.add(sha256);
      return true;
    }
    tell(damaged(path));
    await rm(path, { recursive: true, force: true });
    return false;
  }
}

function damaged(path: string): NeuroflareError {
  const what = 'A model that was fetched before';
  const reason = 'its bytes are others than those the server sent';
  return workFileFault({ what, path, reason, mend: 'It is fetched again.' });
}

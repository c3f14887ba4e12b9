import { statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import type { FileRef } from '../../../run/events.ts';
import type { RunHistory } from '../../../run/history.ts';
import { liveFiles } from '../../../run/live-files.ts';
import type { RunFiles } from '../../../run/run-files.ts';
import type { JobFolder } from '../state-folder.ts';

/** A blob of a job as its log names it. */
export function blobFile(sha256: string): FileRef {
  return { path: `blobs/${sha256}`, sha256 };
}

/** Blobs that a job still needs. What sites keep (`flare.saveState`) lies at the sites. */
export function ownFiles(history: RunHistory): FileRef[] {
  return liveFiles(history).flatMap(({ file, role }) => (role === 'state' ? [] : [file]));
}

/** Updates that are being looked at: not known to the job's log yet, and not to be cleared away meanwhile. */
export class HeldBlobs {
  readonly #counts = new Map<string, number>();

  /** @param work is given what holds files, too, that it makes */
  async during<Result>(
    digests: readonly string[],
    work: (hold: (name: string) => void) => Promise<Result>,
  ): Promise<Result> {
    const held: string[] = [];
    const hold = (name: string) => {
      held.push(name);
      this.#change(name, 1);
    };
    for (const sha256 of digests) hold(sha256);
    try {
      return await work(hold);
    } finally {
      for (const name of held) this.#change(name, -1);
    }
  }

  has(sha256: string): boolean {
    return this.#counts.has(sha256);
  }

  all(): Iterable<string> {
    return this.#counts.keys();
  }

  #change(sha256: string, by: number): void {
    const count = (this.#counts.get(sha256) ?? 0) + by;
    if (count > 0) this.#counts.set(sha256, count);
    else this.#counts.delete(sha256);
  }
}

/** A networked job's files: named by their digests. */
export function jobFiles(
  folder: JobFolder,
  history: () => RunHistory | undefined,
  held: HeldBlobs = new HeldBlobs(),
): RunFiles {
  const { blobs } = folder;
  return {
    at: ({ path }) => folder.at(path),
    keepModel: async (_round, write) => {
      const draft = await blobs.draft();
      const sha256 = await write(draft);
      await blobs.adopt(draft, sha256);
      return blobFile(sha256);
    },
    keep: async (_round, names, write) => {
      const drafts: Record<string, string> = {};
      for (const name of names) drafts[name] = await blobs.draft();
      const digests = await write(drafts);
      const kept: Record<string, FileRef> = {};
      for (const [name, draft] of Object.entries(drafts)) {
        const sha256 = digests[name] ?? '';
        await blobs.adopt(draft, sha256);
        kept[name] = blobFile(sha256);
      }
      return kept;
    },
    discard: async (files) => {
      const own = files.filter(({ path, sha256 }) => path.startsWith('blobs/') && !held.has(sha256));
      await Promise.all(own.map(({ path }) => blobs.remove(basename(path))));
    },
    closeRound: async (_round, members) => {
      await Promise.all(members.map((site) => rm(folder.uploads(site), { recursive: true, force: true })));
      const now = history();
      if (now) await blobs.keepOnly(new Set([...ownFiles(now).map(({ sha256 }) => sha256), ...held.all()]));
    },
  };
}

/** Bytes of files, looked up once for many questions about the same ones. */
export function lastMeasured(files: RunFiles): (file: FileRef) => number {
  const known = new Map<string, number>();
  return (file) => {
    const size = known.get(file.sha256) ?? statSync(files.at(file)).size;
    // The newest few: a job asks for those of the round at hand.
    known.delete(file.sha256);
    known.set(file.sha256, size);
    const [oldest] = known.keys();
    if (known.size > MOST_MEASURED && oldest !== undefined) known.delete(oldest);
    return size;
  };
}

const MOST_MEASURED = 16;

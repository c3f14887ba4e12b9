import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileRef } from './events.ts';
import { isSentIn, modelPath, type RunFolder, serverStatePath, siteFolder } from './run-folder.ts';

/** Puts files at the paths of their names, and returns their SHA-256. */
export type WriteFiles = (
  targets: Readonly<Record<string, string>>,
) => Promise<Readonly<Record<string, string>>>;

/** The round in which files are made, and whose they are where it makes several. */
export interface MadeIn {
  readonly round: number;
  readonly about?: string | undefined;
  /** Of files that are no model. Default: safetensors */
  readonly ending?: 'safetensors' | 'json';
}

/** Where a coordinator keeps its models and finds the updates of the sites. */
export interface RunFiles {
  /** Absolute path of a file of the run. */
  at(file: FileRef): string;
  /**
   * Keeps the global model after a round (0: the initial one); `write` puts it at the path it is given, whole and durable, and
   * returns its SHA-256.
   */
  keepModel(round: number, write: (target: string) => Promise<string>): Promise<FileRef>;
  /** As `keepModel`, for a model and what is made with it, by their names. */
  keep(what: MadeIn, names: readonly string[], write: WriteFiles): Promise<Record<string, FileRef>>;
  /** Removes files nobody needs any more. */
  discard(files: readonly FileRef[]): Promise<void>;
  /** Clears away what sites have left of a round, but for the paths that are kept. */
  closeRound(round: number, members: readonly string[], kept?: ReadonlySet<string>): Promise<void>;
}

/** What a site sent in a round. */
async function clearRound(
  folder: RunFolder,
  site: string,
  { round, kept }: { readonly round: number; readonly kept: ReadonlySet<string> },
): Promise<void> {
  const root = folder.at(siteFolder(site));
  const names = await readdir(root).catch(() => []);
  const sent = names.filter((name) => isSentIn(name, round) && !kept.has(`${siteFolder(site)}/${name}`));
  await Promise.all(sent.map((name) => rm(join(root, name), { force: true })));
}

/** Files by name in a run's folder, as people find them there. */
export function folderFiles(folder: RunFolder): RunFiles {
  return {
    at: ({ path }) => folder.at(path),
    keepModel: async (round, write) => {
      const path = modelPath(round);
      return { path, sha256: await write(folder.at(path)) };
    },
    keep: async ({ round, about, ending }, names, write) => {
      const path = (name: string) =>
        name === 'model' ? modelPath(round, about) : serverStatePath(name, round, ending);
      const paths = names.map((name) => [name, path(name)] as const);
      const digests = await write(Object.fromEntries(paths.map(([name, path]) => [name, folder.at(path)])));
      return Object.fromEntries(paths.map(([name, path]) => [name, { path, sha256: digests[name] ?? '' }]));
    },
    discard: async (files) => {
      await Promise.all(files.map(({ path }) => rm(folder.at(path), { force: true })));
    },
    closeRound: async (round, members, kept = new Set()) => {
      await Promise.all(members.map((site) => clearRound(folder, site, { round, kept })));
    },
  };
}

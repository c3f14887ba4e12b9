import { rm } from 'node:fs/promises';
import type { FileRef } from './events.ts';
import { modelPath, type RunFolder, serverStatePath, updatePath } from './run-folder.ts';

/** Puts files at the paths of their names, and returns their SHA-256. */
export type WriteFiles = (
  targets: Readonly<Record<string, string>>,
) => Promise<Readonly<Record<string, string>>>;

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
  keep(round: number, names: readonly string[], write: WriteFiles): Promise<Record<string, FileRef>>;
  /** Removes files nobody needs any more. */
  discard(files: readonly FileRef[]): Promise<void>;
  /** Clears away what sites that were too late have left of a round. */
  closeRound(round: number, members: readonly string[]): Promise<void>;
}

/** Files by name in a run's folder, as people find them there. */
export function folderFiles(folder: RunFolder): RunFiles {
  return {
    at: ({ path }) => folder.at(path),
    keepModel: async (round, write) => {
      const path = modelPath(round);
      return { path, sha256: await write(folder.at(path)) };
    },
    keep: async (round, names, write) => {
      const paths = names.map(
        (name) => [name, name === 'model' ? modelPath(round) : serverStatePath(name, round)] as const,
      );
      const digests = await write(Object.fromEntries(paths.map(([name, path]) => [name, folder.at(path)])));
      return Object.fromEntries(paths.map(([name, path]) => [name, { path, sha256: digests[name] ?? '' }]));
    },
    discard: async (files) => {
      await Promise.all(files.map(({ path }) => rm(folder.at(path), { force: true })));
    },
    closeRound: async (round, members) => {
      await Promise.all(members.map((site) => rm(folder.at(updatePath(site, round)), { force: true })));
    },
  };
}

import { readdir, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { sha256File } from '../../../base/digest.ts';
import { flError } from '../../../base/errors/errors.ts';
import { isTemporary } from '../../../base/files/files.ts';
import { compareText } from '../../../base/text/compare-text.ts';
import { readBundle } from '../../../job/bundle.ts';
import type { FileRef } from '../../../run/events.ts';
import type { RunHistory } from '../../../run/history.ts';
import { RUN_FILES } from '../../../run/run-folder.ts';
import type { JobOutcome, JobRecord } from '../../store/server-store.ts';
import type { JobFolder } from '../state-folder.ts';
import { STEP_NOTE } from './one-step.ts';
import { PACKED_BUNDLE } from './packed-file.ts';

export type ResultFile = NonNullable<JobOutcome['files']>[number];

/** A result that is not what the server wrote. */
interface DamagedFile {
  readonly path: string;
  readonly reason: string;
}

type Ended = Pick<JobRecord, 'id' | 'bundleSha256' | 'outcome'>;

/** The job's own files, as they were signed. */
const BUNDLE = /^bundle\//;
/** Lines of sites may come after the end of a job. */
const SITE_LOG = /^sites\/[^/]+\/log\.jsonl$/;

/** What the server has written for a job, to be noted in its record. Digests of models are those of its log. */
export async function writtenFiles(
  folder: JobFolder,
  { final, position, harmonisation }: RunHistory,
): Promise<ResultFile[]> {
  const model = final?.model ?? position?.model;
  const known = new Map([
    [RUN_FILES.final, model],
    [RUN_FILES.last, model],
    [RUN_FILES.best, final?.best?.model],
    [RUN_FILES.harmonisation, harmonisation],
  ] as readonly (readonly [string, FileRef | undefined])[]);
  const paths = (await listPaths(folder)).filter((path) => !BUNDLE.test(path) && !SITE_LOG.test(path));
  return Promise.all(paths.map((path) => fileAt(folder, path, known.get(path)?.sha256)));
}

async function fileAt(folder: JobFolder, path: string, known?: string): Promise<ResultFile> {
  const { size } = await stat(folder.at(path));
  return { path, size, sha256: known ?? (await sha256File(folder.at(path))) };
}

/**
 * What `job download` brings, and what of it a disk or somebody has damaged since. Work files and the travelling form of the bundle are
 * the server's own.
 */
export async function resultFiles(
  folder: JobFolder,
  { bundleSha256, outcome }: Ended,
): Promise<{ files: ResultFile[]; damaged: DamagedFile[] }> {
  const found = await Promise.all((await listPaths(folder)).map((path) => fileAt(folder, path)));
  const written = outcome?.files ?? [];
  const damaged: DamagedFile[] = written.flatMap(({ path, sha256 }) => {
    const there = found.find((file) => file.path === path);
    if (there?.sha256 === sha256) return [];
    return [{ path, reason: there ? 'its bytes are others' : 'it is missing' }];
  });
  if (outcome?.files && !(await isBundle(folder, bundleSha256)))
    damaged.push({ path: RUN_FILES.bundle, reason: 'its files are not those that were submitted' });
  const bad = new Set(damaged.map(({ path }) => path));
  const isSound = ({ path }: ResultFile) => !bad.has(BUNDLE.test(path) ? RUN_FILES.bundle : path);
  return { files: found.filter(isSound), damaged };
}

async function isBundle(folder: JobFolder, sha256: string): Promise<boolean> {
  const bundle = await readBundle(folder.at(RUN_FILES.bundle)).catch(() => undefined);
  return bundle?.sha256 === sha256;
}

/** Where a result file lies. Only names of the list lead anywhere. @throws NF_FILE_UNKNOWN, NF_RESULT_DAMAGED */
export async function resultFile(folder: JobFolder, path: string, { id, outcome }: Ended): Promise<string> {
  const isThere = (await listPaths(folder)).includes(path);
  const written = outcome?.files?.find((file) => file.path === path);
  const size = isThere ? (await stat(folder.at(path))).size : undefined;
  if (written && written.size !== size)
    throw flError('NF_RESULT_DAMAGED', {
      job: id,
      files: `${path} (${size === undefined ? 'it is missing' : 'its bytes are others'})`,
    });
  if (!isThere) throw flError('NF_FILE_UNKNOWN', { path });
  return folder.at(path);
}

async function listPaths(folder: JobFolder): Promise<string[]> {
  const entries = await readdir(folder.root, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      join(parentPath, name)
        .slice(folder.root.length + 1)
        .split(sep)
        .join('/'),
    )
    .filter(
      (path) =>
        path !== PACKED_BUNDLE &&
        path !== STEP_NOTE &&
        !/^(blobs|uploads)\//.test(path) &&
        !isTemporary(path),
    )
    .sort(compareText);
}

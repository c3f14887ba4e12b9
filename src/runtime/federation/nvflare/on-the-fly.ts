import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { requireOwnPlace } from '../../base/files/no-links.ts';
import { JOB_FILE } from '../../job/bundle.ts';
import { importNvflareJob } from './import-job.ts';
import { isNvflareFolder } from './read-folder.ts';

/** Below a workspace: jobs of nvflare as they were simulated last. */
const IMPORTED = '.imported';

export interface OnTheFly {
  readonly workspace: string;
  /** Goes on with a run of before: the folder is that of before, too. */
  readonly isResumed: boolean;
  /** It leaves this machine before anybody looks at it. */
  readonly isSentOn?: boolean;
  readonly tell: (note: string) => void;
}

/** The job folder to simulate: the one that is given, or, of a job of nvflare, what it is imported to. @throws what `importNvflareJob` throws */
export async function jobFolderOf(
  given: string,
  { workspace, isResumed, isSentOn = false, tell }: OnTheFly,
): Promise<string> {
  if (!(await isNvflareFolder(given))) return given;
  const target = join(workspace, IMPORTED, basename(resolve(given)));
  // A workspace may come from somebody else, and what lies there of before is removed.
  await requireOwnPlace(workspace, join(IMPORTED, basename(resolve(given)), JOB_FILE));
  if (isResumed) return target;
  await rm(target, { recursive: true, force: true });
  const { notes, workflow } = await importNvflareJob(given, target, { isSentOn });
  tell(`A job of nvflare: imported to ${target} as ${workflow}.`);
  for (const note of notes) tell(note);
  return target;
}

/** Calls `use` with a job folder that a job of nvflare is imported to for as long as it lasts, or with the folder that is given. */
export async function withJobFolder<Result>(
  given: string,
  tell: (note: string) => void,
  use: (folder: string) => Promise<Result>,
): Promise<Result> {
  if (!(await isNvflareFolder(given))) return use(given);
  const workspace = await mkdtemp(join(tmpdir(), 'neuroflare-import-'));
  try {
    return await use(await jobFolderOf(given, { workspace, isResumed: false, isSentOn: true, tell }));
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}

import { readdir } from 'node:fs/promises';
import { jobId } from '../../network/messages/shapes.ts';

/** Where a job lies at a site that runs its scripts in a process: what they may read, and the two folders they may write to. */
export interface JobFolders {
  readonly root: string;
  readonly bundle: string;
  readonly models: string;
  readonly states: string;
  /** A script's own folder, in which it runs, for as long as the job lasts. */
  readonly home: string;
  /** For what a script leaves in a task: its results, and temporary files. */
  readonly work: string;
  /** Says which process runs the job's scripts, so that one that was left behind is ended. */
  readonly process: string;
}

/** Ids of jobs that have a folder in `jobs`. What has another name, or is a link, is none of a client's making. */
export async function jobFoldersIn(jobs: string): Promise<string[]> {
  const entries = await readdir(jobs, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && jobId.safeParse(entry.name).success)
    .map(({ name }) => name);
}

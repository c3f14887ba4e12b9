import { join } from 'node:path';
import { entryOf, type RunFolder, runFolder } from '../../run/run-folder.ts';
import { BlobFolder } from '../store/blob-folder.ts';

/**
 * Everything a server must find again:
 *
 *     server.lock          one server a folder
 *     state.db             jobs, events, decisions, sites, studies
 *     audit.jsonl          who did what
 *     log.jsonl            what happened, in files of bounded size
 *     uploads/<user>/      models on their way to a job that is submitted next
 *     state.db.facts       how many facts the database has
 *     lost+found/          folders of jobs that the database does not know, a database that had lost facts
 *     jobs/<id>/           a run's folder: bundle, blobs, uploads of the sites, logs, results
 */
export interface StateFolder {
  readonly root: string;
  readonly lock: string;
  readonly database: string;
  readonly audit: string;
  readonly log: string;
  readonly jobs: string;
  readonly lostAndFound: string;
  job(id: string): JobFolder;
  /** Of all users. */
  readonly uploads: string;
  userUploads(user: string): string;
}

export interface JobFolder extends RunFolder {
  readonly blobs: BlobFolder;
  /** What a site has sent of a file that is not whole yet. */
  uploads(site: string): string;
}

export function stateFolder(root: string): StateFolder {
  return {
    root,
    lock: join(root, 'server.lock'),
    database: join(root, 'state.db'),
    audit: join(root, 'audit.jsonl'),
    log: join(root, 'log.jsonl'),
    jobs: join(root, 'jobs'),
    lostAndFound: join(root, 'lost+found'),
    job: (id) => jobFolder(entryOf(join(root, 'jobs'), id)),
    uploads: join(root, 'uploads'),
    userUploads: (user) => join(root, 'uploads', encodeURIComponent(user)),
  };
}

function jobFolder(root: string): JobFolder {
  return {
    ...runFolder(root),
    blobs: new BlobFolder(join(root, 'blobs')),
    uploads: (site) => entryOf(join(root, 'uploads'), site),
  };
}

import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { keyText, partsOfTask } from '../../../algorithms/task.ts';
import { prettyJson } from '../../../base/digest.ts';
import { flError, type NeuroflareError } from '../../../base/errors/errors.ts';
import { writeFileAtomic } from '../../../base/files/files.ts';
import { readOrSetAside } from '../../../base/files/record-file.ts';
import { TASK_LIMITS } from '../../../base/limits.ts';
import { counted } from '../../../base/text/counted.ts';
import { jobId, time } from '../../../network/messages/shapes.ts';
import type { AssignedTask } from '../../../network/messages/site.ts';
import type { Deed } from '../../../security/logs/audit-log.ts';
import { readChainedLog } from '../../../security/logs/chained-log.ts';
import { inputsDigest } from '../tasks/site-task.ts';
import type { ClientFolder } from './client-folder.ts';
import { workRecord } from './work-record.ts';

/** The tasks of the last round of which one was begun: what each began with, by its key. */
const begunSchema = z.preprocess(
  (value) => {
    const { success, data } = firstBegun.safeParse(value);
    if (!success) return value;
    const { round, kind: name, model_sha256: model } = data;
    return {
      round,
      inputs: { [keyText({ name, round })]: inputsDigest({ model: { sha256: model, size: 0 } }) },
    };
  },
  z.strictObject({
    round: z.int(),
    inputs: z.record(z.string(), z.string()),
    /** Of those that were begun again: how often in all. */
    times: z.record(z.string(), z.int()).exactOptional(),
  }),
);
/** As version 0.1.0 wrote it. */
const firstBegun = z.strictObject({ round: z.int(), kind: z.string(), model_sha256: z.string() });

const recordSchema = z.strictObject({
  job_id: jobId,
  /** Version of what was signed: 1 of jobs that version 0.1.0 had at hand. */
  signed: z.literal([1, 2]),
  /** When the job's signature ends: later it need not be known any more. */
  expires: time.nullable(),
  /** How often the job was resumed with what was signed last. */
  resume: z.int().min(0).default(0),
  task: begunSchema.nullable(),
  /** Why the job does not run here any more. */
  over: z.string().nullable(),
});
type JobTaken = z.output<typeof recordSchema>;
export type LastTask = JobTaken['task'];

/** More than can be signed. */
const MOST_RESUMES = Number.MAX_SAFE_INTEGER;
const UNREADABLE = 'what was written down of it cannot be read';

/**
 * The jobs a site took, each in a file of its own until its signature ends: a job that is over does not begin again, and a round that was
 * done is not done with another model.
 */
export class JobMemory {
  readonly #root: string;
  readonly #jobs: Map<string, JobTaken>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(root: string, jobs: readonly JobTaken[]) {
    this.#root = root;
    this.#jobs = new Map(jobs.map((job) => [job.job_id, job]));
  }

  /**
   * Reads what was written down. A job of which the audit log has seen a task and that is written down nowhere is over, too: what happened
   * to it is not known any more.
   */
  static async open(folder: ClientFolder, { note, tell, now = new Date() }: MemoryDeps): Promise<JobMemory> {
    const seen = await jobsOfAudit(folder.audit);
    const isThere = await stat(folder.taken).catch(() => undefined);
    if (!isThere) await beginWith(folder, seen.isKept ? [] : await jobsAtHand(folder));
    if (!seen.isKept) await note({ action: KEPT });
    const jobs: JobTaken[] = [];
    const broken: string[] = [];
    for (const id of await idsIn(folder.taken)) {
      const path = join(folder.taken, `${id}.json`);
      const { value: job, trouble } = await readOrSetAside(path, formOf(id));
      if (trouble) {
        tell(trouble);
        broken.push(id);
      }
      if (!job) continue;
      if (job.expires === null || Date.parse(job.expires) > now.getTime()) {
        jobs.push(job);
        continue;
      }
      await note({ action: FORGOTTEN, job: id, detail: 'its signature has ended' });
      seen.jobs.delete(id);
      await rm(path, { force: true });
    }
    const memory = new JobMemory(folder.taken, jobs);
    for (const id of broken) await memory.#lose(id);
    for (const id of seen.jobs) {
      if (memory.#jobs.has(id)) continue;
      const reason = 'it is not there, and the audit log has seen the job';
      tell(formOf(id).damaged({ path: join(folder.taken, `${id}.json`), reason }));
      await memory.#lose(id);
    }
    return memory;
  }

  /** Why a job does not run here (any more). */
  overReason(id: string): string | undefined {
    return this.#jobs.get(id)?.over ?? undefined;
  }

  /** How often a job was resumed, of all that this site knows. */
  resumes(id: string): number {
    return this.#jobs.get(id)?.resume ?? 0;
  }

  /** Whether a job may come back: its signature holds, or it is not known for how long. */
  mayComeBack(id: string, now = new Date()): boolean {
    const job = this.#jobs.get(id);
    return job !== undefined && (job.expires === null || Date.parse(job.expires) > now.getTime());
  }

  /** Whether version 0.1.0 had the job at hand in this folder. */
  isOfFirstVersion(id: string): boolean {
    return this.#jobs.get(id)?.signed === 1;
  }

  lastTask(id: string): LastTask {
    return this.#jobs.get(id)?.task ?? null;
  }

  /** The site has accepted a job. Durable when it returns, as all that follows. */
  async take(
    id: string,
    { expires, resume = 0 }: { expires?: string; resume?: number | undefined },
  ): Promise<void> {
    const known = this.#jobs.get(id);
    if (known && known.resume >= resume) return;
    // What was begun stays known: a job that goes on does not go back.
    const { round, inputs } = known?.task ?? {};
    const task = round !== undefined && inputs ? { round, inputs } : null;
    await this.#put({ job_id: id, signed: 2, expires: expires ?? null, resume, task, over: null });
  }

  /**
   * A task begins: before anything of it is done. False if it was begun before.
   * @throws NF_TASK_NOT_SIGNED of one that was begun so often that no lost answer explains it: what a script adds by chance to its answers
   * would show in their mean
   */
  async begin(id: string, { id: task, inputs }: AssignedTask): Promise<boolean> {
    const known = this.#jobs.get(id);
    const { round, site, ...name } = partsOfTask(task);
    const before = known?.task?.round === round ? known.task : undefined;
    const [key, digest] = [keyText({ round, ...name }), inputsDigest(inputs)];
    const isAgain = before?.inputs[key] === digest;
    const begun = isAgain ? (before.times?.[key] ?? 1) + 1 : 1;
    const { most } = TASK_LIMITS.repeats;
    if (begun > most) {
      const reason = `it has begun here ${counted(most, 'time')}`;
      throw flError('NF_TASK_NOT_SIGNED', { round, reason }, { place: { site, round } });
    }
    const times = { ...before?.times, ...(isAgain && { [key]: begun }) };
    const now = { round, inputs: { ...before?.inputs, [key]: digest } };
    if (known) await this.#put({ ...known, task: isAgain ? { ...now, times } : { ...before, ...now } });
    return !isAgain;
  }

  /** Of a job the site has not taken there is nothing to remember. */
  async end(id: string, reason: string): Promise<void> {
    const known = this.#jobs.get(id);
    if (known && known.over === null) await this.#put({ ...known, over: reason });
  }

  /** Whatever it was, it does not run again. */
  async #lose(id: string): Promise<void> {
    await this.#put({
      job_id: id,
      signed: 2,
      expires: null,
      resume: MOST_RESUMES,
      task: null,
      over: UNREADABLE,
    });
  }

  /** Known at once, so that what comes next finds it. */
  async #put(job: JobTaken): Promise<void> {
    this.#jobs.set(job.job_id, job);
    const write = () => writeFileAtomic(join(this.#root, `${job.job_id}.json`), prettyJson(job));
    const written = this.#writing.then(write);
    this.#writing = written.catch(() => undefined);
    await written;
  }
}

interface MemoryDeps {
  /** Into the audit log. */
  readonly note: (deed: Pick<Deed, 'action' | 'job' | 'detail'>) => Promise<void>;
  /** What cannot be read, or is gone. */
  readonly tell: (trouble: NeuroflareError) => void;
  readonly now?: Date;
}

/** From here on the site writes down the jobs it takes. */
const KEPT = 'jobs.kept';
/** A job that needs not be known any more. */
const FORGOTTEN = 'job.forgotten';

/** The jobs that must be written down, by the audit log: those of which a task was begun, for that is noted after the job was written down. */
async function jobsOfAudit(path: string): Promise<{ readonly isKept: boolean; readonly jobs: Set<string> }> {
  const jobs = new Set<string>();
  let isKept = false;
  if (!existsSync(path)) return { isKept, jobs };
  for await (const { action, job, outcome } of readChainedLog(path)) {
    if (action === KEPT) {
      isKept = true;
      jobs.clear();
    }
    if (typeof job !== 'string') continue;
    if (String(action).startsWith('task.') && outcome === 'done') jobs.add(job);
    if (action === FORGOTTEN) jobs.delete(job);
  }
  return { isKept, jobs: isKept ? jobs : new Set() };
}

const MEND = 'Whatever it was, the job does not run here again; a damaged file is kept beside it.';

function formOf(id: string) {
  const own = recordSchema.refine(({ job_id: found }) => found === id, 'it is of another job');
  return workRecord(own, { what: `What was written down of the job ${id}`, mend: MEND });
}

async function idsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length));
}

/** Version 0.1.0 kept no such files: what it had at hand may go on, with what it signed. */
async function jobsAtHand(folder: ClientFolder): Promise<JobTaken[]> {
  const ids = (await readdir(folder.jobs).catch(() => [])).filter((id) => jobId.safeParse(id).success);
  const here = await Promise.all(ids.map((id) => stat(folder.job(id).bundle).catch(() => undefined)));
  return ids
    .filter((_, index) => here[index] !== undefined)
    .map((id) => ({ job_id: id, signed: 1, expires: null, resume: 0, task: null, over: null }));
}

/** All of them or none: a job that is missing would be refused. */
async function beginWith({ taken }: ClientFolder, jobs: readonly JobTaken[]): Promise<void> {
  const stage = `${taken}.new`;
  await rm(stage, { recursive: true, force: true });
  await mkdir(stage, { recursive: true });
  for (const job of jobs) await writeFileAtomic(join(stage, `${job.job_id}.json`), prettyJson(job));
  await rename(stage, taken);
}

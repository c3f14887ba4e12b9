import { readFile, rm } from 'node:fs/promises';
import { z } from 'zod';
import { flError } from '../../../base/errors/errors.ts';
import { replaceFileSync } from '../../../base/files/files.ts';
import { parseJson } from '../../../base/parse-json.ts';

/** What a server does of a job itself, as the end of a sentence. What sites send is looked at beside it, and is theirs. */
type Step =
  | 'opening this job'
  | 'reading the log of this job'
  | 'making the model of this job'
  | "making a round's model of this job"
  | 'writing the results of this job';

/**
 * How often a server may end in one step of a job without having passed it. How it ended says nothing: memory that runs out and a machine that goes
 * down look alike. A server that starts anew comes back to the step at once, so that one which is ended from outside a few times in a short while
 * is met there more than once by chance; time after time it is the job's doing.
 */
const MOST_TIMES = 4;

/** Steps that were begun and not ended, and how often: by then the server was gone. */
const begun = z.record(z.string(), z.int().min(1));
type Begun = Readonly<z.output<typeof begun>>;
/** As version 0.1.0 and those before this one wrote it: of one step. */
const first = z.strictObject({ step: z.string(), times: z.int().min(1) });

/** Name of the note in a job's folder. */
export const STEP_NOTE = 'step.json';

/**
 * Does a step of a job that could take the server with it. A note in the job's folder is there while it is under way: who finds
 * the note of a server that died in this step as often as may be does not try again. Steps that come before it and are passed do not change that.
 * Costs a small file without a sync, written and removed.
 * @throws NF_JOB_HELD
 */
export async function oneStep<Result>(
  note: string,
  step: Step,
  work: () => Promise<Result>,
): Promise<Result> {
  const { [step]: times = 0, ...others } = await readNote(note, step);
  if (times >= MOST_TIMES) throw flError('NF_JOB_HELD', { step, times });
  replaceFileSync(note, JSON.stringify({ ...others, [step]: times + 1 }));
  try {
    return await work();
  } finally {
    if (Object.keys(others).length === 0) await rm(note, { force: true });
    else replaceFileSync(note, JSON.stringify(others));
  }
}

/** A note that cannot be read was left by a server that died, too: in which step is not known. */
async function readNote(note: string, step: Step): Promise<Begun> {
  const text = await readFile(note, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (text === undefined) return {};
  const value = parseJson(text);
  const old = first.safeParse(value).data;
  return old ? { [old.step]: old.times } : (begun.safeParse(value).data ?? { [step]: 1 });
}

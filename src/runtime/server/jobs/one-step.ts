import { readFile, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { flError } from '../../kernel/errors.ts';
import { parseJson } from '../../kernel/parse-json.ts';

/** A step that was begun and not ended, and how often: by then the server was gone. */
const begun = z.strictObject({ step: z.string(), times: z.int() });

/** Name of the note in a job's folder. */
export const STEP_NOTE = 'step.json';

/** Once may be the machine's doing; twice at the same place is the job's. */
const MOST_TIMES = 2;

/**
 * Does a step of a job that could take the server with it. A note in the job's folder is there while it is under way: who finds
 * the note of a server that died in this step twice does not try again.
 * @param step what is done, as the end of a sentence: 'making the model of this job'
 * @throws NF_JOB_HELD
 */
export async function oneStep<Result>(
  note: string,
  step: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const left = begun.safeParse(parseJson(await readFile(note, 'utf8').catch(() => ''))).data;
  const times = left?.step === step ? left.times : 0;
  if (times >= MOST_TIMES) throw flError('NF_JOB_HELD', { step, times });
  await writeFile(note, JSON.stringify({ step, times: times + 1 }));
  try {
    return await work();
  } finally {
    await rm(note, { force: true });
  }
}

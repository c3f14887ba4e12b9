import { type Harmonisation, parseHarmonisation } from '../algorithms/harmonisation/record.ts';
import { HARMONISATION, type HarmoniseTask } from '../algorithms/harmonisation/tasks.ts';
import { flError } from '../base/errors/errors.ts';
import { readInput } from '../base/files/read-file.ts';
import { LEAST_PEOPLE } from '../base/least-people.ts';
import { TASK_LIMITS } from '../base/limits.ts';
import { harmoniseSums } from '../learning/dataset/harmonise-sums.ts';
import { parseModelSpec, requireClassifier } from '../learning/models/spec.ts';
import type { SessionContext, SessionResult } from './client-api/session.ts';

/** Answers one of the tasks that come before the first training. @throws as `harmoniseSums` */
export async function answerHarmonise(
  task: HarmoniseTask,
  { data, model, leastPeople = LEAST_PEOPLE }: SessionContext,
): Promise<SessionResult> {
  const { image_size: imageSize, classes } = requireClassifier(parseModelSpec(model));
  // Jobs without them are refused before.
  if (!data || !classes) throw new Error('The job names no data or no classes.');
  const sums = await harmoniseSums(task, data, { imageSize, classes, leastPeople });
  return { files: {}, values: { sums }, paramsType: 'FULL', metrics: {}, numExamples: 1, state: undefined };
}

/** What the server has made of all sites' sums. @throws NF_PAYLOAD_FORM, NF_INPUT_LARGE */
export async function readHarmonisation(path: string): Promise<Harmonisation> {
  const found = parseHarmonisation(
    (await readInput(path, TASK_LIMITS.harmonisation_bytes.most)).toString('utf8'),
  );
  if (found) return found;
  const reason = 'it is no harmonisation of this version';
  throw flError('NF_PAYLOAD_FORM', { file: HARMONISATION, task: 'the site', reason });
}

import { type Harmonisation, parseHarmonisation } from '../algorithms/harmonisation/record.ts';
import { flError, NeuroflareError } from '../base/errors/errors.ts';
import { readInput } from '../base/files/read-file.ts';
import { TASK_LIMITS } from '../base/limits.ts';
import type { TargetRun } from './find-target-run.ts';
import { RUN_FILES } from './run-folder.ts';

/**
 * What takes scanners out of the pictures of a run whose job asks for it.
 * @param model named where there is none @throws NF_RUN_HARMONISATION, NF_INPUT_LARGE
 */
export async function harmonisationOfRun(run: TargetRun | undefined, model: string): Promise<Harmonisation> {
  const path = run?.folder.at(RUN_FILES.harmonisation);
  const refuse = (reason: string, cause?: unknown) =>
    flError('NF_RUN_HARMONISATION', { model, reason }, { place: { file: path ?? model }, cause });
  if (path === undefined) throw refuse('it lies in no run');
  const { most } = TASK_LIMITS.harmonisation_bytes;
  const text = await readInput(path, most).catch((cause: unknown) => {
    if (cause instanceof NeuroflareError) throw cause;
    throw refuse(`${RUN_FILES.harmonisation} is not in its run`, cause);
  });
  const found = parseHarmonisation(text.toString('utf8'));
  if (found) return found;
  throw refuse(`${RUN_FILES.harmonisation} of its run is no harmonisation of this version`);
}

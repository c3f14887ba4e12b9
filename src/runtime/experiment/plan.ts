import { join } from 'node:path';
import { z } from 'zod';
import { makeFolder } from '../base/files/files.ts';
import type { EngineChoice } from '../job/engine-choice.ts';
import { cellsOf } from './cells.ts';
import { readExperiment } from './definition.ts';
import { experimentFolder } from './experiment-folder.ts';
import { prepareCells } from './prepare-cells.ts';
import { EXPERIMENT_FILE, readExperimentFile } from './result.ts';

/** What an experiment will cost. */
export const experimentPlanSchema = z.object({
  name: z.string(),
  runs: z.int(),
  over: z.int().describe('runs that are there already'),
  tasks: z.int().describe('of sites, in the runs that are left: trainings and last scores'),
  bytes: z.number().describe('of models that a federation would carry in these'),
  seconds: z
    .number()
    .nullable()
    .describe('of these, by what a task took in the runs that are over; null before the first is'),
  jobs: z.array(z.object({ job: z.string(), is_over: z.boolean(), sites: z.int(), rounds: z.int() })),
});
export type ExperimentPlan = z.output<typeof experimentPlanSchema>;

/** Checks every run of an experiment and adds up what is left. @throws as `runExperiment` before its first run */
export async function planExperiment(request: {
  experiment: string;
  workspace: string;
  engine: EngineChoice;
}): Promise<ExperimentPlan> {
  const experiment = await readExperiment(request.experiment);
  const { name } = experiment.definition;
  const folder = experimentFolder(request.workspace, name);
  await makeFolder(folder);
  const file = await readExperimentFile(join(folder, EXPERIMENT_FILE));
  const prepared = await prepareCells(cellsOf(experiment), { experiment, folder, engine: request.engine });
  const known = (file?.cells ?? []).filter(
    (cell) =>
      !cell.failure &&
      prepared.some(({ digest, cell: own }) => own.job === cell.job && digest === cell.digest),
  );
  const over = new Set(known.map(({ job }) => job));
  const left = prepared.filter(({ cell }) => !over.has(cell.job));
  const rounds = (of: readonly { rounds: number }[]) => of.reduce((sum, one) => sum + one.rounds + 1, 0);
  const spent = known.reduce((sum, { seconds }) => sum + seconds, 0);
  return {
    name,
    runs: prepared.length,
    over: over.size,
    tasks: left.reduce((sum, { sites, rounds: count }) => sum + sites * (count + 1), 0),
    bytes: left.reduce((sum, one) => sum + one.modelBytes * one.sites * (2 * one.rounds + 1), 0),
    seconds: known.length === 0 ? null : (spent / rounds(known)) * rounds(left),
    jobs: prepared.map(({ cell, sites, rounds: count }) => {
      return { job: cell.job, is_over: over.has(cell.job), sites, rounds: count };
    }),
  };
}

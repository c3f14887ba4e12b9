import { join, relative } from 'node:path';
import { makeFolder } from '../base/files/files.ts';
import { requireOwnPlace } from '../base/files/no-links.ts';
import type { EngineChoice } from '../job/engine-choice.ts';
import { cellsOf } from './cells.ts';
import { type LoadedExperiment, readExperiment } from './definition.ts';
import { experimentFolder } from './experiment-folder.ts';
import { type PreparedCell, prepareCells } from './prepare-cells.ts';
import { type CellResult, EXPERIMENT_FILE, readExperimentFile } from './result.ts';

/** An experiment of which every run was checked, and what is there of it. */
export interface OpenExperiment {
  readonly experiment: LoadedExperiment;
  readonly folder: string;
  readonly prepared: readonly PreparedCell[];
  /** By the names of the runs; of what is decided as now alone. */
  readonly known: ReadonlyMap<string, CellResult>;
}

/** @throws NF_PATH_MISSING, NF_PATH_LINK, NF_EXPERIMENT*, NF_SPLIT_* */
export async function openExperiment(request: {
  /** Path of its file. */
  experiment: string;
  workspace: string;
  engine: EngineChoice;
}): Promise<OpenExperiment> {
  const experiment = await readExperiment(request.experiment);
  const folder = experimentFolder(request.workspace, experiment.definition.name);
  // The workspace may come from somebody else: splits, results and the lock are written into it.
  for (const file of [EXPERIMENT_FILE, join('splits', EXPERIMENT_FILE)])
    await requireOwnPlace(request.workspace, relative(request.workspace, join(folder, file)));
  await makeFolder(folder);
  const file = await readExperimentFile(join(folder, EXPERIMENT_FILE));
  const prepared = await prepareCells(cellsOf(experiment), { experiment, folder, engine: request.engine });
  const byJob = new Map(prepared.map((one) => [one.cell.job, one]));
  const known = (file?.cells ?? []).flatMap((result) => {
    const now = byJob.get(result.job);
    // Files of older versions do not say how unlike the sites were.
    return now?.digest === result.digest ? [{ ...result, unlike: now.unlike }] : [];
  });
  return { experiment, folder, prepared, known: new Map(known.map((cell) => [cell.job, cell])) };
}

import { join } from 'node:path';
import { writeFileAtomic } from '../base/files/files.ts';
import { curvesCsv, experimentCsv } from './csv.ts';
import { curveOf } from './curves.ts';
import { readExperiment } from './definition.ts';
import { experimentPage } from './page.ts';
import { EXPERIMENT_FILE, type ExperimentResult, readExperimentFile } from './result.ts';
import { describeExperiment } from './table.ts';

/** The table of an experiment, and what of it is asked for as files. @throws NF_EXPERIMENT*, NF_PATH_* */
export async function compareExperiment(request: {
  experiment: string;
  workspace: string;
  csv?: string | undefined;
  curves?: string | undefined;
  html?: string | undefined;
}): Promise<ExperimentResult> {
  const experiment = await readExperiment(request.experiment);
  const result = await describeExperiment(experiment, request.workspace);
  const file = await readExperimentFile(join(result.folder, EXPERIMENT_FILE));
  const cells = file?.cells ?? [];
  if (request.csv !== undefined)
    await writeFileAtomic(request.csv, experimentCsv(result.rows, result.partitions));
  if (request.curves !== undefined)
    await writeFileAtomic(
      request.curves,
      curvesCsv(cells.map((cell) => ({ ...cell, points: curveOf(cell) }))),
    );
  if (request.html !== undefined) await writeFileAtomic(request.html, experimentPage(result, cells));
  return result;
}

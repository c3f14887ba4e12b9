import { join } from 'node:path';
import { PARTICIPANT_TABLE, parseTable } from '../../../preprocess/bids/table.ts';
import { isThere } from '../../base/files/is-there.ts';
import { readInput } from '../../base/files/read-file.ts';
import type { RunFolder } from '../../run/run-folder.ts';
import { EVALUATION_FOLDER, PREDICTIONS_FILE } from '../result.ts';

/** What a run's model said of one subject. */
export interface Predicted {
  readonly label: string;
  readonly site: string | undefined;
  readonly probabilities: readonly (readonly [label: string, probability: number])[];
}

const PROBABILITY = 'p_';

/** The table that `evaluate` wrote, by subject; empty where the run was not judged. @throws NF_BIDS_PARTICIPANTS with the line */
export async function readPredictions(folder: RunFolder): Promise<Map<string, Predicted>> {
  const file = join(folder.at(EVALUATION_FOLDER), PREDICTIONS_FILE);
  if (!isThere(file)) return new Map();
  const { columns, rows } = parseTable(await readInput(file), file, PARTICIPANT_TABLE);
  if (!columns.includes('predicted')) return new Map();
  const classes = columns.filter((name) => name.startsWith(PROBABILITY));
  return new Map(
    rows.map(({ id, values }) => [
      id,
      {
        label: values.get('predicted') ?? '',
        site: values.get('site'),
        probabilities: classes.flatMap((name): [string, number][] => {
          const value = Number(values.get(name) ?? Number.NaN);
          return Number.isFinite(value) ? [[name.slice(PROBABILITY.length), value]] : [];
        }),
      },
    ]),
  );
}

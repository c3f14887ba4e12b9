import { join } from 'node:path';
import { flError } from '../base/errors/errors.ts';
import { readInputText } from '../base/files/read-file.ts';
import { estimateOf, indexGroups, ONE_SIDED } from '../statistics/figure.ts';
import { balancedFigure, leadOver } from './figures.ts';
import { type Judged, pickRows } from './judged-people.ts';
import { EVALUATION_FILE, type Paired, PREDICTIONS_FILE, readEvaluation } from './result.ts';

/** Balanced accuracy of two models on the people whom both were judged on. @throws NF_COMPARE_SUBJECTS when there are none */
export function comparePaired(own: Judged, other: Judged): Paired {
  const place = new Map(other.ids.map((id, row) => [id, row]));
  const rows = [...own.ids.keys()].filter((row) => place.has(own.ids[row] ?? ''));
  if (rows.length === 0) throw flError('NF_COMPARE_SUBJECTS');
  const mine = pickRows(own, rows);
  const theirs = pickRows(
    other,
    rows.map((row) => place.get(own.ids[row] ?? '') ?? 0),
  );
  const groups = indexGroups(mine.groups);
  const figures = (z?: number) => {
    const [first, second] = [mine, { ...theirs, labels: mine.labels }].map((one) =>
      balancedFigure(one, groups, z),
    );
    return { first: first ?? null, second: second ?? null, lead: leadOver(first ?? null, second ?? null) };
  };
  const { first, second, lead } = figures();
  const oneSided = figures(ONE_SIDED).lead;
  return {
    subjects: rows.length,
    groups: groups.count,
    own: estimateOf(first),
    other: estimateOf(second),
    lead: estimateOf(lead),
    worse_by_at_most: oneSided ? -oneSided.low : null,
  };
}

/** The predictions that an evaluation wrote. @throws NF_PATH_MISSING, NF_EVALUATE_FILE */
export async function readPredictions(folder: string): Promise<Judged> {
  const { classes } = await readEvaluation(join(folder, EVALUATION_FILE));
  const path = join(folder, PREDICTIONS_FILE);
  const [header = '', ...lines] = (await readInputText(path)).trimEnd().split('\n');
  const columns = header.split('\t');
  const at = (name: string) => columns.indexOf(name);
  const rows = lines.map((line) => line.split('\t'));
  const labels = rows.map((row) => classes.indexOf(row[at('diagnosis')] ?? ''));
  const probabilities = rows.flatMap((row) => classes.map((name) => Number(row[at(`p_${name}`)])));
  if (labels.includes(-1) || probabilities.some(Number.isNaN)) {
    const detail = 'a row of it names another class or no probability';
    throw flError('NF_EVALUATE_FILE', { path, detail }, { place: { file: path } });
  }
  return {
    ids: rows.map((row) => row[at('participant_id')] ?? ''),
    sites: rows.map((row) => row[at('site')] ?? ''),
    groups: rows.map((row) => row[at('group_id')] ?? ''),
    labels: Uint8Array.from(labels),
    classes: classes.length,
    probabilities: Float64Array.from(probabilities),
  };
}

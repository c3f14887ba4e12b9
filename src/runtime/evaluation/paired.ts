import { join } from 'node:path';
import { flError } from '../base/errors/errors.ts';
import { readInputText } from '../base/files/read-file.ts';
import { estimateOf, indexGroups, ONE_SIDED } from '../statistics/figure.ts';
import { meanEstimate } from '../statistics/mean-estimate.ts';
import type { ClassEvaluation } from './class-result.ts';
import { balancedFigure, leadOver } from './figures.ts';
import { type Judged, joinJudged, pickRows } from './judged-people.ts';
import { EVALUATION_FILE, type Paired, PREDICTIONS_FILE, readEvaluation } from './result.ts';
import type { JudgedVolumes } from './segmentation/judged-volumes.ts';

/** What a model came to on each person or volume. */
export type Predictions = Judged | JudgedVolumes;

/** One-sided 95 % bounds. */
const ONE_TAIL = 0.05;

/** Two models on the people whom both were judged on. @throws NF_COMPARE_SUBJECTS when there are none */
export function comparePaired(own: Predictions, other: Predictions): Paired {
  const place = new Map(other.ids.map((id, row) => [id, row]));
  const rows = [...own.ids.keys()].filter((row) => place.has(own.ids[row] ?? ''));
  if (rows.length === 0) throw flError('NF_COMPARE_SUBJECTS');
  const mine = pickPredictions(own, rows);
  const theirs = pickPredictions(
    other,
    rows.map((row) => place.get(own.ids[row] ?? '') ?? 0),
  );
  if ('dice' in mine && 'dice' in theirs) return pairedDice(mine, theirs);
  if (!('dice' in mine || 'dice' in theirs)) return pairedAccuracy(mine, theirs);
  throw flError('NF_COMPARE_SUBJECTS');
}

/** By balanced accuracy. */
function pairedAccuracy(mine: Judged, theirs: Judged): Paired {
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
    subjects: mine.ids.length,
    groups: groups.count,
    own: estimateOf(first),
    other: estimateOf(second),
    lead: estimateOf(lead),
    worse_by_at_most: oneSided ? -oneSided.low : null,
  };
}

/** By the Dice of the volumes whose masks show a label. */
function pairedDice(mine: JudgedVolumes, theirs: JudgedVolumes): Paired {
  const both = mine.dice.flatMap((own, row) => {
    const other = theirs.dice[row] ?? null;
    return own === null || other === null ? [] : [{ own, other, group: mine.groups[row] ?? '' }];
  });
  const groups = indexGroups(both.map(({ group }) => group));
  const mean = (value: (one: (typeof both)[number]) => number, options: { least?: number; tail?: number }) =>
    meanEstimate(both.map(value), groups, { most: 1, ...options });
  const oneSided = mean(({ own, other }) => own - other, { least: -1, tail: ONE_TAIL });
  return {
    subjects: mine.ids.length,
    groups: indexGroups(mine.groups).count,
    own: mean(({ own }) => own, {}),
    other: mean(({ other }) => other, {}),
    lead: mean(({ own, other }) => own - other, { least: -1 }),
    worse_by_at_most: oneSided.low === null ? null : -oneSided.low,
  };
}

/** Some rows, in another order. */
export function pickPredictions(of: Predictions, rows: readonly number[]): Predictions {
  if (!('dice' in of)) return pickRows(of, rows);
  const pick = <T>(values: readonly T[]) => rows.flatMap((row) => values.slice(row, row + 1));
  return { ids: pick(of.ids), sites: pick(of.sites), groups: pick(of.groups), dice: pick(of.dice) };
}

/** The rows of all, one after the other. */
export function joinPredictions(parts: readonly Predictions[]): Predictions {
  const ofVolumes = parts.flatMap((part) => ('dice' in part ? [part] : []));
  if (ofVolumes.length === 0) return joinJudged(parts.flatMap((part) => ('dice' in part ? [] : [part])));
  return {
    ids: ofVolumes.flatMap(({ ids }) => ids),
    sites: ofVolumes.flatMap(({ sites }) => sites),
    groups: ofVolumes.flatMap(({ groups }) => groups),
    dice: ofVolumes.flatMap(({ dice }) => dice),
  };
}

/** The predictions that an evaluation wrote. @throws NF_PATH_MISSING, NF_EVALUATE_FILE */
export async function readPredictions(folder: string): Promise<Predictions> {
  const evaluation = await readEvaluation(join(folder, EVALUATION_FILE));
  const table = await readTable(join(folder, PREDICTIONS_FILE));
  return evaluation.task === 'segmentation' ? volumesOf(table) : judgedOf(table, evaluation);
}

/** Those of a model that tells classes. @throws NF_PATH_MISSING, NF_EVALUATE_FILE, for predictions of something else, too */
export async function readJudged(folder: string): Promise<Judged> {
  const predictions = await readPredictions(folder);
  if (!('dice' in predictions)) return predictions;
  const path = join(folder, PREDICTIONS_FILE);
  throw flError('NF_EVALUATE_FILE', { path, detail: 'it has no classes' }, { place: { file: path } });
}

interface Table {
  readonly path: string;
  readonly rows: readonly (readonly string[])[];
  /** The cell of a row; empty where there is no such column. */
  cell(row: readonly string[], column: string): string;
}

async function readTable(path: string): Promise<Table> {
  const [header = '', ...lines] = (await readInputText(path)).trimEnd().split('\n');
  const columns = header.split('\t');
  const rows = lines.map((line) => line.split('\t'));
  return { path, rows, cell: (row, column) => row[columns.indexOf(column)] ?? '' };
}

function judgedOf({ path, rows, cell }: Table, { classes }: Pick<ClassEvaluation, 'classes'>): Judged {
  const labels = rows.map((row) => classes.indexOf(cell(row, 'diagnosis')));
  const probabilities = rows.flatMap((row) =>
    classes.map((name) => Number(cell(row, `p_${name}`) || Number.NaN)),
  );
  if (labels.includes(-1) || probabilities.some(Number.isNaN))
    throw badTable(path, 'a row of it names another class or no probability');
  return {
    ids: rows.map((row) => cell(row, 'participant_id')),
    sites: rows.map((row) => cell(row, 'site')),
    groups: rows.map((row) => cell(row, 'group_id')),
    labels: Uint8Array.from(labels),
    classes: classes.length,
    probabilities: Float64Array.from(probabilities),
  };
}

function volumesOf({ path, rows, cell }: Table): JudgedVolumes {
  const ids = rows.map((row) => cell(row, 'participant_id'));
  const isAlone = new Set(ids).size === ids.length;
  const dice = rows.map((row) =>
    cell(row, 'dice') === 'n/a' ? null : Number(cell(row, 'dice') || Number.NaN),
  );
  if (dice.some(Number.isNaN)) throw badTable(path, 'a row of it has no Dice');
  return {
    ids: isAlone ? ids : rows.map((row) => `${cell(row, 'participant_id')} ${cell(row, 'image')}`),
    sites: rows.map((row) => cell(row, 'site')),
    groups: rows.map((row) => cell(row, 'group_id')),
    dice,
  };
}

function badTable(path: string, detail: string) {
  return flError('NF_EVALUATE_FILE', { path, detail }, { place: { file: path } });
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { flError } from '../kernel/errors.ts';
import {
  type BootstrapOptions,
  drawReplicates,
  type Estimate,
  percentileOf,
} from '../statistics/bootstrap.ts';
import { balancedReader } from './figures.ts';
import type { Judged } from './judged.ts';
import { EVALUATION_FILE, type Paired, PREDICTIONS_FILE, readEvaluation } from './result.ts';

/** Balanced accuracy of two models on the people whom both were judged on. @throws NF_COMPARE_SUBJECTS when there are none */
export function comparePaired(own: Judged, other: Judged, options: BootstrapOptions = {}): Paired {
  const place = new Map(other.ids.map((id, row) => [id, row]));
  const rows = [...own.ids.keys()].filter((row) => place.has(own.ids[row] ?? ''));
  if (rows.length === 0) throw flError('NF_COMPARE_SUBJECTS');
  const mine = pickRows(own, rows);
  const theirs = pickRows(
    other,
    rows.map((row) => place.get(own.ids[row] ?? '') ?? 0),
  );
  const readers = [balancedReader(mine), balancedReader({ ...theirs, labels: mine.labels })] as const;
  const read = (counts: Float64Array) => {
    const [first, second] = [readers[0](counts), readers[1](counts)];
    const lead = first === null || second === null ? null : first - second;
    return { own: first, other: second, lead };
  };
  const { own: values, drawn } = drawReplicates(mine.groups, read, options);
  const estimate = (name: string): Estimate => {
    const sorted = drawn.get(name);
    const bound = (share: number) => (sorted ? percentileOf(sorted, share) : null);
    return { value: values[name] ?? null, low: bound(0.025), high: bound(0.975) };
  };
  const leads = drawn.get('lead');
  return {
    subjects: rows.length,
    groups: new Set(mine.groups).size,
    own: estimate('own'),
    other: estimate('other'),
    lead: estimate('lead'),
    worse_by_at_most: leads ? -percentileOf(leads, 0.05) : null,
  };
}

/** Some people, in another order. */
export function pickRows(judged: Judged, rows: readonly number[]): Judged {
  const { classes } = judged;
  const probabilities = new Float64Array(rows.length * classes);
  for (const [at, row] of rows.entries()) {
    probabilities.set(judged.probabilities.subarray(row * classes, (row + 1) * classes), at * classes);
  }
  return {
    ids: rows.map((row) => judged.ids[row] ?? ''),
    sites: rows.map((row) => judged.sites[row] ?? ''),
    groups: rows.map((row) => judged.groups[row] ?? ''),
    labels: Uint8Array.from(rows, (row) => judged.labels[row] ?? 0),
    classes,
    probabilities,
  };
}

/** The predictions that an evaluation wrote. @throws NF_PATH_MISSING, NF_EVALUATE_FILE */
export async function readPredictions(folder: string): Promise<Judged> {
  const { classes } = await readEvaluation(join(folder, EVALUATION_FILE));
  const path = join(folder, PREDICTIONS_FILE);
  const [header = '', ...lines] = (await readFile(path, 'utf8')).trimEnd().split('\n');
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

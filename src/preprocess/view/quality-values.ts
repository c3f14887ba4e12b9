import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { compareText } from '../../runtime/base/text/compare-text.ts';
import { listDerivatives } from '../bids/derivatives.ts';
import { readInside } from '../bids/read-inside.ts';

/** Names and values of one row, in the order of the columns. */
export type QualityRow = readonly (readonly [name: string, value: string])[];

/** What tables of quality say, by the name of an image without its ending or by the id of a participant. */
export type QualityValues = ReadonlyMap<string, QualityRow>;

/** First columns of such tables, of ours and of MRIQC's (`group_T1w.tsv`). */
const KEYS = new Set(['participant_id', 'image', 'path', 'file', 'filename', 'bids_name']);
const TABLE = /(quality|^group_)[^/]*\.tsv$/i;

/** Columns that say of an image what is told beside it already. */
const TOLD = new Set(['site', 'kind']);

/**
 * Reads the tables of quality at the top of a folder, of a data set and of its derivatives. A table of another form is passed over.
 * @param own folder that `preprocess quality` wrote elsewhere
 * @throws NF_BIDS_FILE_OUTSIDE, NF_INPUT_LARGE
 */
export async function readQualityValues(bidsRoot: string, own?: string): Promise<QualityValues> {
  const values = new Map<string, QualityRow>();
  const inside = [bidsRoot, ...(await listDerivatives(bidsRoot))];
  for (const folder of own === undefined ? inside : [...inside, own]) {
    const tables = (await readdir(folder).catch(() => [])).filter((name) => TABLE.test(name));
    for (const table of tables.sort(compareText)) {
      const root = folder === own ? own : bidsRoot;
      const text = (await readInside(root, join(folder, table))).toString('utf8');
      for (const [key, row] of rowsOf(text)) values.set(key, [...(values.get(key) ?? []), ...row]);
    }
  }
  return values;
}

/** The key of an image in these tables. */
export function qualityKey(path: string): string {
  return basename(path).replace(/\.(nii(\.gz)?|png|jpe?g)$/i, '');
}

function rowsOf(text: string): [string, QualityRow][] {
  const [header = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const columns = header.split('\t');
  const at = columns.findIndex((name) => KEYS.has(name));
  if (at === -1) return [];
  // The most exact of its keys: a table by image names the participant as well.
  const exact = columns.findIndex((name) => KEYS.has(name) && name !== 'participant_id');
  const keyAt = exact === -1 ? at : exact;
  return lines.flatMap((line): [string, QualityRow][] => {
    const cells = line.split('\t');
    if (cells.length !== columns.length) return [];
    const row = columns.flatMap((name, index): [string, string][] =>
      KEYS.has(name) || TOLD.has(name) ? [] : [[name, cells[index] ?? '']],
    );
    return [[qualityKey(cells[keyAt] ?? ''), row]];
  });
}

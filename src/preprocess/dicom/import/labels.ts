import { dirname, join } from 'node:path';
import { flError } from '../../../runtime/base/errors/errors.ts';
import { didYouMean } from '../../../runtime/base/text/nearest.ts';
import { readTableText } from '../../sources/table-text.ts';
import type { SeriesMap } from '../series-map.ts';
import { subjectOf } from '../series-row.ts';
import type { SiteKey } from '../site-key.ts';
import type { ImportPlan } from './plan.ts';

/** Letters that a table, a job and a report take as they are. */
const LABEL = /^[\p{L}\p{N}][\p{L}\p{N} _+.-]{0,62}$/u;

/**
 * Labels by subject, from the table of the map, which is read and never written out.
 * @returns undefined where the map names no table
 * @throws NF_PATH_MISSING, NF_TABLE_UNREADABLE, NF_DICOM_LABELS with the line
 */
export async function labelsOf(
  map: SeriesMap,
  { plan, key }: { plan: ImportPlan; key: SiteKey },
): Promise<Map<string, string> | undefined> {
  if (!map.labels) return undefined;
  const file = join(dirname(map.path), map.labels.table);
  const byId = await readLabels(file, map.labels);
  const labels = new Map<string, string>();
  for (const { series } of plan.chosen) {
    const label = byId.get(series.patient.id ?? '');
    if (label !== undefined) labels.set(subjectOf(series, key), label);
  }
  return labels;
}

async function readLabels(
  file: string,
  { id, label }: { id: string; label: string },
): Promise<Map<string, string>> {
  const { columns, rows } = await readTableText(file);
  const bad = (detail: string, line: number) =>
    flError('NF_DICOM_LABELS', { detail }, { place: { file, line } });
  const columnOf = (name: string) => {
    const at = columns.indexOf(name);
    if (at === -1) throw bad(`it has no column '${name}'.${didYouMean(name, columns)}`.replace(/\.$/, ''), 1);
    return at;
  };
  const [idAt, labelAt] = [columnOf(id), columnOf(label)];
  const labels = new Map<string, string>();
  for (const { line, cells } of rows) {
    const [who = '', what = ''] = [cells[idAt], cells[labelAt]];
    if (what === '' || /^n\/a$/i.test(what)) continue;
    if (!LABEL.test(what))
      throw bad(`line ${line} has a label with other characters than letters, digits, blanks and _+.-`, line);
    const earlier = labels.get(who);
    if (earlier !== undefined && earlier !== what)
      throw bad(`line ${line} gives another label to a patient of an earlier line`, line);
    labels.set(who, what);
  }
  return labels;
}

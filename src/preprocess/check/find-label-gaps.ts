import { DEFAULTS } from '../../runtime/base/selection/selection.ts';
import { didYouMean } from '../../runtime/base/text/nearest.ts';
import { COLUMN } from '../bids/participants.ts';
import type { Subjects } from '../select/read-subjects.ts';
import { type Finding, finding } from './finding.ts';

/** A data set of which no class is known, or one only: nothing can be trained on it. */
export function findLabelGaps({ rows, columns, file, labels, known, selection }: Subjects): Finding[] {
  const place = { file, line: 1 };
  const none = (what: string) => [finding('error', 'NF_CHECK_NO_LABELS', { params: { what }, place })];
  if (columns.length === 0 && known.length === 0 && !labels)
    return [finding('error', 'NF_CHECK_NO_TABLE', { params: { count: rows.length }, place: { file } })];
  if (!labels) {
    const column = selection.label_column ?? DEFAULTS.label_column;
    const [first, ...others] = known.map(({ table, columns: own }) => ({
      table,
      names: own.map((name) => JSON.stringify(name)).join(', '),
    }));
    const also = others.map(({ table, names }) => `; ${table} has ${names}`).join('');
    const nearest = didYouMean(
      column,
      known.flatMap((table) => table.columns),
    );
    const table = selection.labels ?? first?.table ?? 'participants.tsv';
    return none(`${table} has no column '${column}', but ${first?.names ?? 'none'}${also}.${nearest}`);
  }
  const used = rows.filter(({ values }) => !values.has(COLUMN.setAside));
  const classes = new Set(used.flatMap(({ values }) => values.get(COLUMN.diagnosis) ?? []));
  if (classes.size === 0) return none(`the column '${labels.column}' holds nothing that is used.`);
  const [label = ''] = classes;
  return classes.size === 1
    ? [
        finding('warning', 'NF_CHECK_ONE_CLASS', {
          params: { label },
          place: { ...place, key: COLUMN.diagnosis },
        }),
      ]
    : [];
}

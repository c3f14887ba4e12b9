import { didYouMean } from '../../runtime/base/text/nearest.ts';
import { COLUMN, type Participants } from '../bids/participants.ts';
import { type Finding, finding } from './finding.ts';

/** A data set of which no class is known, or one only: nothing can be trained on it. */
export function findLabelGaps({ rows, columns, file }: Participants): Finding[] {
  const place = { file, line: 1 };
  const none = (what: string) => [finding('error', 'NF_CHECK_NO_LABELS', { params: { what }, place })];
  if (columns.length === 0)
    return [finding('error', 'NF_CHECK_NO_TABLE', { params: { count: rows.length }, place: { file } })];
  if (!columns.includes(COLUMN.diagnosis)) {
    const known = columns.map((name) => JSON.stringify(name)).join(', ');
    const nearest = didYouMean(COLUMN.diagnosis, columns);
    return none(`participants.tsv has no column '${COLUMN.diagnosis}', but ${known}.${nearest}`);
  }
  const used = rows.filter(({ values }) => !values.has(COLUMN.setAside));
  const labels = new Set(used.flatMap(({ values }) => values.get(COLUMN.diagnosis) ?? []));
  if (labels.size === 0) return none(`the column '${COLUMN.diagnosis}' holds n/a alone.`);
  const [label = ''] = labels;
  return labels.size === 1
    ? [
        finding('warning', 'NF_CHECK_ONE_CLASS', {
          params: { label },
          place: { ...place, key: COLUMN.diagnosis },
        }),
      ]
    : [];
}

import { flError } from '../../runtime/base/errors/errors.ts';
import { compareText } from '../../runtime/base/text/compare-text.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import { firstOf } from '../../runtime/base/text/first-of.ts';
import { didYouMean } from '../../runtime/base/text/nearest.ts';
import type { Participants } from '../bids/participants.ts';
import type { Cohort, Group } from './cohort.ts';

/** In what sites differ: the classes, or the values of a column such as the scanner. */
export interface Skew {
  /** In words: `class`, or the name of the column. */
  readonly of: string;
  /** Sorted. */
  readonly values: readonly string[];
  readonly valueOf: (group: Group) => string;
}

/** With more values than this for each group a column would not tell sites apart. */
const MOST_PER_GROUP = 0.5;

/**
 * What the sites of a drawn split differ in; a group has the value of most of its images.
 * @throws NF_SPLIT_COLUMN, NF_SPLIT_SKEW_VALUE, NF_SPLIT_SKEW_MANY
 */
export function readSkew(cohort: Cohort, participants: Participants, column: string | undefined): Skew {
  if (column === undefined) return { of: 'class', values: cohort.labels, valueOf: ({ label }) => label };
  requireColumn(participants, column);
  const { file } = participants;
  const without = cohort.groups.flatMap(({ members }) => members.filter((row) => !row.values.has(column)));
  const [first] = without;
  if (first) {
    const names = firstOf(without.map(({ id }) => id));
    const params = { count: counted(without.length, 'participant has', 'participants have'), column, names };
    throw flError('NF_SPLIT_SKEW_VALUE', params, { place: { file, line: first.line, key: column } });
  }
  const mainValues = new Map(cohort.groups.map((group) => [group, mainValue(group, column)]));
  const values = [...new Set(mainValues.values())].sort(compareText);
  const groups = cohort.groups.length;
  if (values.length > Math.max(2, MOST_PER_GROUP * groups))
    throw flError('NF_SPLIT_SKEW_MANY', { column, values: values.length, groups }, { place: { file } });
  return { of: column, values, valueOf: (group) => mainValues.get(group) ?? '' };
}

function mainValue({ members }: Group, column: string): string {
  const found = [...Map.groupBy(members, ({ values }) => values.get(column) ?? '')];
  found.sort(([a, own], [b, others]) => others.length - own.length || compareText(a, b));
  return found[0]?.[0] ?? '';
}

/** @throws NF_SPLIT_COLUMN */
export function requireColumn({ columns, file }: Participants, column: string): void {
  if (columns.includes(column)) return;
  const nearest = didYouMean(column, columns);
  const params = { column, nearest, known: columns.join(', ') };
  throw flError('NF_SPLIT_COLUMN', params, { place: { file, line: 1 } });
}

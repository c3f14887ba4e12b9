import { compareText } from '../../runtime/base/text/compare-text.ts';
import { COLUMN, groupOf, type Participant, type Participants } from '../bids/participants.ts';

/** Images that stay together, of one patient as far as is known. */
export interface Group {
  readonly name: string;
  readonly members: readonly Participant[];
  /** The class of most of them; of equals the first by name. */
  readonly label: string;
}

/** Whom a split deals with. */
export interface Cohort {
  /** Sorted by name. */
  readonly groups: readonly Group[];
  /** Classes, sorted. */
  readonly labels: readonly string[];
  readonly setAside: readonly { readonly id: string; readonly reason: string }[];
  /** Without a diagnosis. */
  readonly unlabelled: readonly string[];
  /** Without an image. */
  readonly imageless: readonly string[];
}

export function labelOf(participant: Participant): string {
  return participant.values.get(COLUMN.diagnosis) ?? '';
}

/** Sorts participants into groups; the order of the table does not matter. `imageless`: who has nothing to train on. */
export function readCohort(
  { rows }: Participants,
  imageless: ReadonlySet<string> = new Set<string>(),
): Cohort {
  const sorted = rows.toSorted((a, b) => compareText(a.id, b.id));
  const setAside = sorted.flatMap(({ id, values }) => {
    const reason = values.get(COLUMN.setAside);
    return reason === undefined ? [] : [{ id, reason }];
  });
  const wanted = sorted.filter((row) => !row.values.has(COLUMN.setAside));
  const present = wanted.filter(({ id }) => !imageless.has(id));
  const labelled = present.filter((row) => row.values.has(COLUMN.diagnosis));
  const members = Map.groupBy(labelled, groupOf);
  const groups = [...members]
    .map(([name, own]) => ({ name, members: own, label: mainLabel(own) }))
    .sort((a, b) => compareText(a.name, b.name));
  return {
    groups,
    labels: [...new Set(labelled.map(labelOf))].sort(),
    setAside,
    imageless: wanted.filter(({ id }) => imageless.has(id)).map(({ id }) => id),
    unlabelled: present.filter((row) => !row.values.has(COLUMN.diagnosis)).map(({ id }) => id),
  };
}

function mainLabel(members: readonly Participant[]): string {
  const counts = [...Map.groupBy(members, labelOf)].map(([label, own]) => ({ label, count: own.length }));
  counts.sort((a, b) => b.count - a.count || compareText(a.label, b.label));
  return counts[0]?.label ?? '';
}

import { compareText } from '../../runtime/base/text/compare-text.ts';
import { COLUMN, groupOf, type Participant, type Participants } from '../bids/participants.ts';
import { NO_LABEL } from '../select/read-subjects.ts';

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
  /** Without a diagnosis or an image. */
  readonly lacking: readonly { readonly id: string; readonly reason: string }[];
}

export function labelOf(participant: Participant): string {
  return participant.values.get(COLUMN.diagnosis) ?? '';
}

/**
 * Sorts participants into groups; the order of the table does not matter.
 * @param lacking why a participant cannot be dealt, by id, where the table does not say it
 */
export function readCohort({ rows }: Participants, lacking: ReadonlyMap<string, string> = new Map()): Cohort {
  const sorted = rows.toSorted((a, b) => compareText(a.id, b.id));
  const setAside = sorted.flatMap(({ id, values }) => {
    const reason = values.get(COLUMN.setAside);
    return reason === undefined ? [] : [{ id, reason }];
  });
  const present = sorted.filter((row) => !row.values.has(COLUMN.setAside));
  const labelled = present.filter((row) => row.values.has(COLUMN.diagnosis) && !lacking.has(row.id));
  const dealt = new Set(labelled);
  const members = Map.groupBy(labelled, groupOf);
  const groups = [...members]
    .map(([name, own]) => ({ name, members: own, label: mainLabel(own) }))
    .sort((a, b) => compareText(a.name, b.name));
  return {
    groups,
    labels: [...new Set(labelled.map(labelOf))].sort(),
    setAside,
    lacking: present
      .filter((row) => !dealt.has(row))
      .map(({ id }) => ({ id, reason: lacking.get(id) ?? NO_LABEL })),
  };
}

function mainLabel(members: readonly Participant[]): string {
  const counts = [...Map.groupBy(members, labelOf)].map(([label, own]) => ({ label, count: own.length }));
  counts.sort((a, b) => b.count - a.count || compareText(a.label, b.label));
  return counts[0]?.label ?? '';
}

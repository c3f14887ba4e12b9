import { JoinedNames } from '../bids/joined-names.ts';
import { groupOf, type Participant } from '../bids/participants.ts';

/**
 * Rows with whom each is of: all whom the groups of a selection or those of the data set keep together are one person. A job names its own
 * column of groups, and must not make many people of one by it.
 * @param rows with the groups of the selection
 * @param before the same rows with those of the data set
 */
export function withPeople(rows: readonly Participant[], before: readonly Participant[]): Participant[] {
  const names = new JoinedNames();
  const pairs = rows.map((row, at) => {
    const own = before[at] ?? row;
    return [`said ${groupOf(row)}`, `own ${groupOf(own)}`] as const;
  });
  for (const [said, own] of pairs) names.join(names.rootOf(said), names.rootOf(own));
  return rows.map((row, at) => ({ ...row, person: names.rootOf(pairs[at]?.[0] ?? '') }));
}

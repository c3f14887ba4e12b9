import { groupOf, type Participant } from '../bids/participants.ts';

/**
 * Rows with whom each is of: all whom the groups of a selection or those of the data set keep together are one person. A job names its own
 * column of groups, and must not make many people of one by it.
 * @param rows with the groups of the selection
 * @param before the same rows with those of the data set
 */
export function withPeople(rows: readonly Participant[], before: readonly Participant[]): Participant[] {
  const parents = new Map<string, string>();
  const rootOf = (name: string): string => {
    let root = name;
    for (let next = parents.get(root); next !== undefined; next = parents.get(root)) root = next;
    for (let at = name; at !== root; ) {
      const next = parents.get(at) ?? root;
      parents.set(at, root);
      at = next;
    }
    return root;
  };
  const pairs = rows.map((row, at) => {
    const own = before[at] ?? row;
    return [`said ${groupOf(row)}`, `own ${groupOf(own)}`] as const;
  });
  for (const [said, own] of pairs) {
    const [root, other] = [rootOf(said), rootOf(own)];
    if (root !== other) parents.set(root, other);
  }
  return rows.map((row, at) => ({ ...row, person: rootOf(pairs[at]?.[0] ?? '') }));
}

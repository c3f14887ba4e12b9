/** Named of a list; the rest is a number. */
const MOST_NAMED = 3;

/** The first names of a list, for a line that has no room for all: `a, b, c and 4 more`. */
export function firstOf(all: readonly string[]): string {
  const more = all.length > MOST_NAMED ? ` and ${all.length - MOST_NAMED} more` : '';
  return `${all.slice(0, MOST_NAMED).join(', ')}${more}`;
}

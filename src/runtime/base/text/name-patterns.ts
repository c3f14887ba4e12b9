import { setImmediate as turn } from 'node:timers/promises';

/** Names after which others have a turn: patterns and names are a job's, and the thread is the client's. */
const NAMES_A_TURN = 16;

/** Tells whether a name is meant by one of the patterns, in which `*` stands for any characters. Threads that run scripts look by it, too. */
export function matcherOf(patterns: readonly string[]): (name: string) => boolean {
  const wanted = patterns.map((pattern) => pattern.split('*'));
  return (name) => wanted.some((parts) => matches(name, parts));
}

/** Linear in the name for each part: whoever wrote the pattern cannot keep a site busy with it, as a regular expression can. */
function matches(name: string, parts: readonly string[]): boolean {
  const first = parts[0] ?? '';
  if (parts.length === 1) return name === first;
  const last = parts.at(-1) ?? '';
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (let index = 1; index < parts.length - 1; index++) {
    const part = parts[index] ?? '';
    const found = name.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

interface Named {
  readonly name: string;
}

/** Of some arrays those whose names are meant, and the others, each in their order. */
export async function partedBy<Entry extends Named>(
  entries: readonly Entry[],
  isMeant: (name: string) => boolean,
): Promise<{ readonly meant: Entry[]; readonly others: Entry[] }> {
  const [meant, others]: [Entry[], Entry[]] = [[], []];
  for (const [index, entry] of entries.entries()) {
    (isMeant(entry.name) ? meant : others).push(entry);
    if (index % NAMES_A_TURN === NAMES_A_TURN - 1) await turn();
  }
  return { meant, others };
}

import type { Part } from './read-folder.ts';

/** A part of the job that has no counterpart. */
export interface Refusal {
  readonly part: string;
  /** Whose: `server`, or a site. */
  readonly place: string;
  readonly why: string;
}

/** What is said of the parts of a job, as they are looked at. */
export class Findings {
  readonly refusals: Refusal[] = [];
  /** For people: what is another here. */
  readonly notes: string[] = [];

  refuse(part: string, place: string, why: string): void {
    if (!this.refusals.some((one) => one.part === part && one.place === place && one.why === why))
      this.refusals.push({ part, place, why });
  }

  /** Arguments of a part that are neither read here nor known to change nothing. */
  requireKnown({ path, args }: Part, place: string, { read, harmless }: Known): void {
    const known = new Set([...read, ...harmless]);
    for (const key of Object.keys(args))
      if (!known.has(key))
        this.refuse(`${shortName(path)}(${key})`, place, 'this argument is not known here');
  }

  /** Of arguments that neuroflare does not have: those that are given, and are not what stands for nothing. */
  requireUnused({ path, args }: Part, place: string, keys: readonly string[]): void {
    for (const key of keys) {
      const value = args[key];
      if (!isNothing(value)) this.refuse(`${shortName(path)}(${key})`, place, 'there is no such thing here');
    }
  }
}

interface Known {
  readonly read: readonly string[];
  /** How processes are started, and how much memory they take. */
  readonly harmless: readonly string[];
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return true;
  return typeof value === 'object' && Object.values(value).every((weight) => weight === 1);
}

export function shortName(path: string): string {
  return path.split('.').at(-1) ?? path;
}

/** A line for each, in columns. */
export function refusalTable(refusals: readonly Refusal[]): string {
  const rows = [{ part: 'part', place: 'place', why: 'why' }, ...refusals];
  const width = (key: 'part' | 'place') => Math.max(...rows.map((row) => row[key].length));
  const [first, second] = [width('part'), width('place')];
  return rows
    .map(({ part, place, why }) => `  ${part.padEnd(first)}  ${place.padEnd(second)}  ${why}`)
    .join('\n');
}

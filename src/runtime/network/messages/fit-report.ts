import type { ErrorReport } from '../../base/errors/errors.ts';

/** Characters of the texts of an error. */
export const MOST_OF_REPORT = { code: 64, message: 20_000, hint: 4_000, stack: 20_000 } as const;
export const MOST_OF_PLACE = { file: 4_096, key: 4_000, site: 64, excerpt: 4_000 } as const;

/** The report as it fits into a message: a script's error may be of any length. */
export function fitReport(report: ErrorReport): ErrorReport {
  const { place } = report;
  return { ...cut(report, MOST_OF_REPORT), ...(place && { place: cut(place, MOST_OF_PLACE) }) };
}

/** The texts that are there, each to its length. */
function cut<Value extends object>(value: Value, most: Readonly<Record<string, number>>): Value {
  const texts = Object.entries(value).map(([key, part]) => [
    key,
    typeof part === 'string' ? part.slice(0, most[key]) : part,
  ]);
  return { ...value, ...Object.fromEntries(texts) };
}

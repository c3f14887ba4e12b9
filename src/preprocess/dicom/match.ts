import type { Criterion, SeriesMap, SeriesRule } from './series-map.ts';
import type { SeriesValues, ValueName } from './values.ts';

/** The rules that a series fits, in the order of the map. */
export function rulesFor(values: SeriesValues, map: SeriesMap): SeriesRule[] {
  return map.rules.filter(({ when }) =>
    Object.entries(when).every(
      ([name, criterion]) => criterion === undefined || fits(values[name as ValueName], criterion),
    ),
  );
}

function fits(values: readonly (string | number)[], criterion: Criterion): boolean {
  if (typeof criterion === 'boolean') return values.length > 0 === criterion;
  if (Array.isArray(criterion)) return criterion.some((one) => fits(values, one));
  if (typeof criterion === 'object') {
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = criterion;
    return values.some((value) => typeof value === 'number' && value >= min && value <= max);
  }
  return values.some((value) => equals(value, criterion));
}

/** Numbers to six digits, since headers round them; texts whole, with `*` and `?`, whatever their case. */
function equals(value: string | number, wanted: string | number): boolean {
  if (typeof value === 'number') {
    const number = typeof wanted === 'number' ? wanted : Number(wanted);
    return Math.abs(value - number) <= 1e-6 * Math.max(1, Math.abs(number));
  }
  return matchesPattern(value.toLowerCase(), String(wanted).toLowerCase());
}

/** Without a regular expression: a pattern of many `*` would take one that goes back and back for ever. */
function matchesPattern(text: string, pattern: string): boolean {
  let [at, in_, star, resume] = [0, 0, -1, 0];
  while (at < text.length) {
    if (pattern[in_] === '*') {
      [star, resume] = [in_++, at];
    } else if (in_ < pattern.length && (pattern[in_] === '?' || pattern[in_] === text[at])) {
      at++;
      in_++;
    } else if (star !== -1) {
      in_ = star + 1;
      at = ++resume;
    } else return false;
  }
  while (pattern[in_] === '*') in_++;
  return in_ === pattern.length;
}

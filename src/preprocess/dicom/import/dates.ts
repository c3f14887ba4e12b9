import type { SiteKey } from '../site-key.ts';

const SECOND_MS = 1000;
const DAY_S = 86_400;
/** Nobody takes a shifted date for a true one: BIDS asks for years before 1925. */
const LEAST_DAYS = 40_000;
const MOST_MORE_DAYS = 3650;

/**
 * A time of acquisition moved back by the secret span of its subject, 109 to 119 years: spans between examinations of one subject stay.
 * @param time `YYYYMMDDHHMMSS`
 * @returns `YYYY-MM-DDTHH:MM:SS`; undefined for what is no time
 */
export function shiftedTime(
  time: string,
  { subject, key }: { subject: string; key: SiteKey },
): string | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(time);
  if (!parts) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number);
  const at = Date.UTC(year, month - 1, day, hour, minute, second);
  const span = LEAST_DAYS * DAY_S + key.number('dates', subject, MOST_MORE_DAYS * DAY_S);
  const moved = new Date(at - span * SECOND_MS);
  return Number.isNaN(moved.getTime()) ? undefined : moved.toISOString().slice(0, 19);
}

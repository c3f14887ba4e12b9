/** A time as every text for people has it: ISO 8601 to the second, in UTC, so that people and logs in two time zones mean the same. */
export function timeText(time: string | Date): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : `${date.toISOString().slice(0, 19)}Z`;
}

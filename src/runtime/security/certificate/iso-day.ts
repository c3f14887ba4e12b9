/** 2030-01-31, in UTC: how the end of a certificate is shown. */
export function isoDay(date: Date): string {
  return date.toISOString().slice(0, 10);
}

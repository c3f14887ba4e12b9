import type { ErrorRow } from './catalog/row.ts';
import { ERROR_CATALOG } from './catalog.ts';
import type { NeuroflareError } from './errors.ts';

const STATUS_BY_EXIT = { 1: 409, 2: 403, 3: 504, 4: 400, 5: 500, 130: 409 } as const;

/** HTTP status of an error. */
export function statusOf({ code, exitCode }: NeuroflareError): number {
  const row: ErrorRow = ERROR_CATALOG[code];
  if (code === 'NF_DISK_FULL') return 507;
  return row.status ?? STATUS_BY_EXIT[exitCode];
}

import { GENERAL_ERRORS } from './catalog/general.ts';
import type { ErrorRow } from './catalog/row.ts';

/** Every failure neuroflare can name; docs/errors.md is generated from it and a test holds the two together. */
export const ERROR_CATALOG = {
  ...GENERAL_ERRORS,
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERROR_CATALOG;

import type { ErrorRow } from './row.ts';

/** Failures of `preprocess quality`. */
export const QUALITY_ERRORS = {
  NF_QUALITY_GATE: {
    exit: 4,
    message: "--fail-on '{text}' does not fit: {detail}.",
    hint: 'Write conditions as in --fail-on "snr<8,efc>0.7"; docs/quality.md has the figures.',
  },
  NF_QUALITY_NONE: {
    exit: 4,
    message: 'There is no {what} in {path}.',
    hint: 'Name what is there by --suffix and --filter, as --suffix bold.',
  },
} as const satisfies Record<string, ErrorRow>;

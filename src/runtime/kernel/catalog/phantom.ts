import type { ErrorRow } from './row.ts';

/** Failures of `preprocess phantom`. */
export const PHANTOM_ERRORS = {
  NF_PHANTOM_TARGET_EXISTS: {
    exit: 4,
    message: '{path} exists already.',
    hint: 'Choose another folder, or remove that one; nothing is written over.',
  },
} as const satisfies Record<string, ErrorRow>;

import type { z } from 'zod';
import { flError } from '../kernel/errors.ts';
import type { RecordForm } from '../workspace/record-file.ts';

/**
 * A record of the client's own, which it can do without.
 * @param what is in it, as the beginning of a sentence
 * @param mend what becomes of it, and what somebody should do
 */
export function workRecord<Schema extends z.ZodType>(
  schema: Schema,
  { what, mend }: { what: string; mend: string },
): RecordForm<Schema> {
  return {
    schema,
    damaged: ({ path, reason }) =>
      flError('NF_WORK_FILE', { what, path, reason, mend }, { place: { file: path } }),
  };
}

import type { z } from 'zod';
import { flError, type NeuroflareError } from '../../../base/errors/errors.ts';
import type { RecordForm } from '../../../base/files/record-file.ts';

/**
 * A record of the client's own, which it can do without.
 * @param what is in it, as the beginning of a sentence
 * @param mend what becomes of it, and what somebody should do
 */
export function workRecord<Schema extends z.ZodType>(
  schema: Schema,
  { what, mend }: { what: string; mend: string },
): RecordForm<Schema> {
  return { schema, damaged: ({ path, reason }) => workFileFault({ what, path, reason, mend }) };
}

/** A file of the client's own that cannot be used; `what` and `mend` as above. */
export function workFileFault(fault: {
  readonly what: string;
  readonly path: string;
  readonly reason: string;
  readonly mend: string;
}): NeuroflareError {
  return flError('NF_WORK_FILE', fault, { place: { file: fault.path } });
}

/** Something of the work folder that is gone, or is not what it was. */
export function workLost(path: string, reason: string): NeuroflareError {
  return flError('NF_WORK_LOST', { path, reason }, { place: { file: path } });
}

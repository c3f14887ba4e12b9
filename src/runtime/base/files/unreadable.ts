import { atPlace, flError, NeuroflareError } from '../errors/errors.ts';

/** Why a record of a log cannot be read: what its reader says by name, else that it is damaged. */
export function unreadable(thrown: unknown, { path, line }: { path: string; line: number }): NeuroflareError {
  const place = { file: path, line };
  if (thrown instanceof NeuroflareError) return atPlace(thrown, place);
  return flError('NF_RUN_JOURNAL', { path, line }, { place, cause: thrown });
}

import { z } from 'zod';
import { NeuroflareError, toNeuroflareError } from '../../base/errors/errors.ts';

/** One thing that was looked at. */
export const checkSchema = z.object({
  check: z.string(),
  ok: z.boolean(),
  detail: z.string(),
  hint: z.string().nullable().describe('what to do about it'),
});
export type Check = z.output<typeof checkSchema>;

/** Looks at one thing; a named error is its answer, and others go on. */
export async function look(check: string, work: () => Promise<string>): Promise<Check> {
  try {
    return { check, ok: true, detail: await work(), hint: null };
  } catch (thrown) {
    const error = thrown instanceof NeuroflareError ? thrown : toNeuroflareError(thrown);
    return { check, ok: false, detail: `${error.code}: ${error.message}`, hint: error.hint };
  }
}

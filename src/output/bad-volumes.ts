import { z } from 'zod';

/** Files that could not be used, with the error of each. */
export const badVolumesSchema = z.array(
  z.object({ file: z.string(), code: z.string(), message: z.string() }),
);

/** A line for each. */
export function leftOut(bad: z.output<typeof badVolumesSchema>): string[] {
  return bad.map(({ file, message }) => `left out: ${file}: ${message}`);
}

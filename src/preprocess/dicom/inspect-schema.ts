import { z } from 'zod';
import { PROBLEMS, type ProblemCode } from './problems.ts';

const count = z.int().min(0);

export const seriesRowSchema = z.object({
  series: z.string().describe('made of the UIDs by the key; without --key it is another one each time'),
  subject: z.string(),
  session: z.string(),
  modality: z.string(),
  description: z
    .string()
    .describe('as it was typed at the scanner, without names, ids and dates that the headers hold'),
  sequence: z.string(),
  matrix: z.array(count).describe('columns, rows, slices'),
  spacing: z
    .array(z.number().nullable())
    .describe('mm along columns, rows, slices; null where it is not said'),
  volumes: count,
  files: count,
  contrast: z.string().nullable().describe('contrast agent'),
  kind: z.enum(['slices', 'mosaic', 'multi-frame', 'none']),
  syntaxes: z.array(z.string()),
  problems: z.array(
    z.object({
      code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
      severity: z.enum(['refused', 'warning']),
      count,
      what: z.string(),
      advice: z.string(),
    }),
  ),
  goes_to: z
    .array(z.string())
    .nullable()
    .describe(
      'names of the rules that it fits: none, one, or several, which is an error; null without a map',
    ),
});
export type SeriesRow = z.output<typeof seriesRowSchema>;

export const inspectResultSchema = z.object({
  source: z.string(),
  series: z.array(seriesRowSchema),
  subjects: count,
  files: z
    .record(z.string(), count)
    .describe('files by what they are; `images` and the reasons for leaving others out'),
  directory: z.object({ missing: count }).describe('files that a DICOMDIR lists and that are not there'),
  written: z.array(z.string()),
});
export type InspectResult = z.output<typeof inspectResultSchema>;

import { z } from 'zod';

const count = z.int().min(0);

export const dicomImportSchema = z.object({
  target: z.string().nullable().describe('null when nothing was to be written'),
  key: z.object({ file: z.string(), made: z.boolean().describe('a new key, which the site must keep') }),
  series: z.array(
    z.object({
      series: z.string(),
      subject: z.string(),
      session: z.string(),
      rule: z.string().nullable(),
      outcome: z.enum(['converted', 'planned', 'there_already', 'refused', 'skipped', 'unmatched']),
      images: z.array(z.string()).describe('paths below the target, without their endings'),
      problems: z.array(z.object({ code: z.string(), count })),
    }),
  ),
  subjects: count,
  sessions: count,
  images: count,
  labels: z.record(z.string(), count).nullable().describe('subjects by label; null without a table'),
  unlabelled: count,
  removed: z
    .array(z.object({ tag: z.string(), count }))
    .describe('elements of the headers that identify, and sidecar keys, that were not carried over'),
  faces: z
    .array(
      z.object({
        image: z.string(),
        face: z.enum(['removed', 'none', 'kept']),
        removed_ml: z
          .number()
          .nullable()
          .describe('tissue in front of and below the brain; null where faces were kept'),
      }),
    )
    .describe('what became of the face in each image that was written'),
  files: z.record(z.string(), count),
});
export type DicomImport = z.output<typeof dicomImportSchema>;
export type ImportedSeries = DicomImport['series'][number];

import { z } from 'zod';
import { pairedSchema } from '../result.ts';

/** What `report` wrote. */
export const reportResultSchema = z.object({
  report: z.string().describe('one HTML file that needs no network'),
  record: z.string().nullable().describe('run_record.json'),
  tensorboard: z.string().nullable().describe('folder for tensorboard --logdir'),
  verdict: z.string().nullable(),
  sentence: z.string(),
  comparison: pairedSchema.nullable().describe('with --compare: this run against the other'),
});
export type ReportResult = z.output<typeof reportResultSchema>;

import { z } from 'zod';
import { ENGINE_NAMES } from '../../../job/engine-choice.ts';
import { ENGINE_BUILDS } from '../engine.ts';

const engineSchema = z.object({
  name: z.enum(ENGINE_NAMES),
  build: z.enum(ENGINE_BUILDS),
  verdict: z.enum(['measured', 'failed', 'absent']),
  device: z.enum(['cpu', 'gpu']).optional(),
  library: z.string().optional(),
  version: z.string().optional(),
  threads: z.number().optional().describe('inside one operation'),
  images_per_second: z.number().optional().describe('whole training steps, at the median'),
  milliseconds_per_step: z.number().optional().describe('median'),
  steps: z.number().optional().describe('that the median is of; those that warm up are left out'),
  compile_milliseconds: z.number().optional(),
  reason: z.string().optional().describe('why there is no figure'),
});
/** Shape of what `engine bench` answers. */
export const benchReportSchema = z.object({
  image_size: z.number(),
  batch_size: z.number(),
  processor: z.string(),
  cores: z.number(),
  load: z.number().describe('processes that wanted a core in the minute before, on average'),
  engines: z.array(engineSchema),
});
export type BenchReport = z.output<typeof benchReportSchema>;

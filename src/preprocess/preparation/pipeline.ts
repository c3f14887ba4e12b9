import { z } from 'zod';
import { checkYaml } from '../../runtime/base/files/yaml-check.ts';
import { readYaml } from '../../runtime/base/files/yaml-source.ts';
import { BIAS_FIELD_DEFAULTS } from './bias-field/bias-field.ts';
import { INTERPOLATIONS } from './resample.ts';

const size = z.number().gt(0).max(100);
const threeSizes = z.tuple([size, size, size]);
const count = z.int().min(1).max(4096);
const RAS = /^[LR][AP][IS]$|^[LR][IS][AP]$|^[AP][LR][IS]$|^[AP][IS][LR]$|^[IS][LR][AP]$|^[IS][AP][LR]$/;

const reorient = z.strictObject({
  step: z.literal('reorient'),
  to: z.string().regex(RAS, 'three axis codes such as RAS').default('RAS'),
});
const biasField = z.strictObject({
  step: z.literal('bias_field'),
  shrink: z.int().min(1).max(16).default(BIAS_FIELD_DEFAULTS.shrink),
  iterations: z
    .array(z.int().min(1).max(1000))
    .min(1)
    .max(6)
    .default([...BIAS_FIELD_DEFAULTS.iterations]),
  convergence: z.number().min(0).max(1).default(BIAS_FIELD_DEFAULTS.convergence),
});
const resample = z.strictObject({
  step: z.literal('resample'),
  voxel: z.union([size, threeSizes]).describe('mm'),
  interpolation: z.enum(INTERPOLATIONS).default('linear'),
});
const crop = z.strictObject({
  step: z.literal('crop'),
  margin: z.number().min(0).max(500).default(5).describe('mm around the head'),
});
const fit = z.strictObject({
  step: z.literal('fit'),
  shape: z.tuple([count, count, count]).describe('voxels: cut, or filled with 0, around the middle'),
});
const intensity = z.strictObject({
  step: z.literal('intensity'),
  method: z.enum(['percentiles', 'z_score', 'white_stripe']),
  low: z.number().min(0).max(50).default(1).describe('percentile that becomes 0, for percentiles'),
  high: z.number().min(50).max(100).default(99).describe('percentile that becomes 1, for percentiles'),
  width: z.number().gt(0).max(0.5).default(0.05).describe('of the stripe, for white_stripe'),
});

export const stepSchema = z.discriminatedUnion('step', [reorient, biasField, resample, crop, fit, intensity]);
export type Step = z.output<typeof stepSchema>;

export const pipelineSchema = z.strictObject({ steps: z.array(stepSchema).min(1).max(32) });
/** What is done with each volume, in this order. */
export type Pipeline = z.output<typeof pipelineSchema>;

/** What most studies of heads do: one order of axes, one voxel size, the field taken out, one scale. */
export const STANDARD_PIPELINE: Pipeline = pipelineSchema.parse({
  steps: [
    { step: 'reorient' },
    { step: 'bias_field' },
    { step: 'resample', voxel: 1 },
    { step: 'crop' },
    { step: 'intensity', method: 'z_score' },
  ],
});

/** @throws NF_PATH_MISSING, NF_PIPELINE_YAML, NF_PIPELINE with line and key */
export async function readPipeline(path: string): Promise<Pipeline> {
  const source = await readYaml(path, 'NF_PIPELINE_YAML');
  return checkYaml(pipelineSchema, source, { code: 'NF_PIPELINE', what: 'the file' });
}

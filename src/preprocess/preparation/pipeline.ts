import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { flError } from '../../runtime/base/errors/errors.ts';
import { checkYaml } from '../../runtime/base/files/yaml-check.ts';
import { readYaml } from '../../runtime/base/files/yaml-source.ts';
import { BIAS_FIELD_DEFAULTS } from './bias-field/bias-field.ts';
import { readScale, scaleSchema } from './intensity-scale.ts';
import { nameTemplate, templateSchema } from './registration/template-file.ts';
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
const register = z.strictObject({
  step: z.literal('register'),
  template: templateSchema.describe('in a file of a pipeline a path, from the folder of that file'),
  space: z
    .string()
    .regex(/^[0-9A-Za-z+]+$/, 'letters and digits')
    .default('template')
    .describe('name of the space of the template, in the names of the results'),
  voxel: z.union([size, threeSizes]).optional().describe('mm; as the template has them by default'),
  interpolation: z.enum(INTERPOLATIONS).default('linear'),
});
const intensity = z
  .strictObject({
    step: z.literal('intensity'),
    method: z.enum(['percentiles', 'z_score', 'white_stripe', 'nyul']),
    low: z.number().min(0).max(50).default(1).describe('percentile that becomes 0, for percentiles'),
    high: z.number().min(50).max(100).default(99).describe('percentile that becomes 1, for percentiles'),
    width: z.number().gt(0).max(0.5).default(0.05).describe('of the stripe, for white_stripe'),
    scale: scaleSchema
      .optional()
      .describe('for nyul; in a file of a pipeline the path of a scale, from the folder of that file'),
  })
  .refine(({ method, scale }) => (method === 'nyul') === (scale !== undefined), {
    path: ['scale'],
    message: 'names the file of a scale, for the method nyul and no other',
  });

export const stepSchema = z.discriminatedUnion('step', [
  reorient,
  biasField,
  resample,
  register,
  crop,
  fit,
  intensity,
]);
export type Step = z.output<typeof stepSchema>;

const MOST_STEPS = 32;

export const pipelineSchema = z.strictObject({ steps: z.array(stepSchema).min(1).max(MOST_STEPS) });
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

/**
 * With the scales of the files that it names.
 * @throws NF_PATH_MISSING, NF_PIPELINE_YAML, NF_PIPELINE with line and key; as `readScale`; NF_SCALE_AFTER for one that was fitted to other images
 */
export async function readPipeline(path: string): Promise<Pipeline> {
  const source = await readYaml(path, 'NF_PIPELINE_YAML');
  const value = await withFiles(source.value, dirname(path));
  const pipeline = checkYaml(pipelineSchema, source, { code: 'NF_PIPELINE', what: 'the file', value });
  for (const [at, step] of pipeline.steps.entries()) {
    if (step.step !== 'intensity' || !step.scale) continue;
    const wanted = inWords(step.scale.after);
    const found = inWords(valueSteps(pipeline.steps.slice(0, at)));
    if (wanted === found) continue;
    throw flError('NF_SCALE_AFTER', { wanted, found }, { place: source.place(['steps', at, 'scale']) });
  }
  return pipeline;
}

/**
 * The steps that come before a scale of the method `nyul` is used; all, where none is. That scale need not be there: it is yet to be fitted.
 * @throws as `readPipeline`
 */
export async function readStepsBeforeScale(path: string): Promise<Pipeline> {
  const source = await readYaml(path, 'NF_PIPELINE_YAML');
  const named = namingSteps.safeParse(source.value);
  const isNyul = (step: unknown) => usingScale.safeParse(step).success;
  const at = named.success ? named.data.steps.findIndex(isNyul) : -1;
  if (!named.success || at === -1) return readPipeline(path);
  const value = await withFiles({ ...named.data, steps: named.data.steps.slice(0, at) }, dirname(path));
  return checkYaml(stepsBefore, source, { code: 'NF_PIPELINE', what: 'the file', value });
}

/** Names of the steps that change values, in their order. */
export function valueSteps(steps: readonly Step[]): string[] {
  return steps.filter(changesValues).map(({ step }) => step);
}

/** Other steps change the places of voxels. */
export function changesValues({ step }: Step): boolean {
  return step === 'bias_field' || step === 'intensity';
}

function inWords(steps: readonly string[]): string {
  return steps.length === 0 ? 'no step that changes values' : steps.join(', ');
}

const namingSteps = z.looseObject({ steps: z.array(z.unknown()) });
const usingScale = z.looseObject({ step: z.literal('intensity'), method: z.literal('nyul') });
/** Images may have their landmarks taken as they are. */
const stepsBefore = pipelineSchema.extend({ steps: z.array(stepSchema).max(MOST_STEPS) });
const namingScale = z.looseObject({ step: z.literal('intensity'), scale: z.string() });
const namingTemplate = z.looseObject({ step: z.literal('register'), template: z.string() });

/** As the file says it, with scales and templates in the place of their names: one is read at a time, and none where there are too many. */
async function withFiles(value: unknown, folder: string): Promise<unknown> {
  const named = namingSteps.safeParse(value);
  if (!named.success || named.data.steps.length > MOST_STEPS) return value;
  const steps: unknown[] = [];
  for (const step of named.data.steps) steps.push(await withFile(step, folder));
  return { ...named.data, steps };
}

async function withFile(step: unknown, folder: string): Promise<unknown> {
  const scaled = namingScale.safeParse(step);
  if (scaled.success) return { ...scaled.data, scale: await readScale(resolve(folder, scaled.data.scale)) };
  const registered = namingTemplate.safeParse(step);
  if (!registered.success) return step;
  const { template } = registered.data;
  return { ...registered.data, template: await nameTemplate(resolve(folder, template)) };
}

/** The steps as they are written down: without paths of this machine. */
export function stepsOf({ steps }: Pipeline): object[] {
  return steps.map((step) => {
    if (step.step !== 'register') return step;
    const { name, sha256 } = step.template;
    return { ...step, template: { name, sha256 } };
  });
}

/** The last step that brings images to the space of a template; undefined where they stay in their own. */
export function spaceOf({ steps }: Pipeline): Extract<Step, { step: 'register' }> | undefined {
  return steps.findLast((step) => step.step === 'register');
}

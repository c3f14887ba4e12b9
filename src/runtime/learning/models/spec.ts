import { z } from 'zod';
import { flError } from '../../base/errors/errors.ts';
import { issueText } from '../../base/errors/issue-text.ts';
import type { LearningTask, TaskKind } from '../../base/selection/learning-task.ts';
import { counted } from '../../base/text/counted.ts';
import { didYouMean } from '../../base/text/nearest.ts';
import { UNET_KEYS, type UnetSpec, unetSpecSchema } from './unet-spec.ts';

/** The models a job can name under `model.type`. */
export const MODEL_TYPES = ['mri-cnn', 'mri-resnet', 'unet'] as const;

const common = {
  image_size: z.int().min(16).max(512).multipleOf(16).describe('Side of the square input, in pixels.'),
  channels: z
    .int()
    .min(1)
    .max(16)
    .optional()
    .describe('Images that make one example, as data.selection.channels names them; default 1.'),
  classes: z
    .array(z.string().min(1))
    .min(2)
    .refine((names) => new Set(names).size === names.length, 'names a class twice')
    .optional()
    .describe('Class names in the order of the outputs: the same for every site.'),
  num_classes: z.int().min(2).max(1000).optional().describe('Number of outputs, where classes is not given.'),
  width: z.int().min(8).max(256).multipleOf(8).optional().describe('Filters of the first layer; default 16.'),
  pooling: z
    .enum(['max', 'average'])
    .optional()
    .describe(
      'What is kept of each feature over the image: max finds small lesions. Default: max for mri-cnn.',
    ),
  dropout: z.number().min(0).max(0.9).optional().describe('Rate before the last layer; default 0, none.'),
  seed: z.int().min(0).optional().describe('Seed of the first values; default 0. A job uses its own seed.'),
};

const countsAgree = (spec: { classes?: string[] | undefined; num_classes?: number | undefined }) =>
  spec.classes === undefined
    ? spec.num_classes !== undefined
    : spec.num_classes === undefined || spec.num_classes === spec.classes.length;

const COUNT_RULE = {
  message: 'needs classes, or num_classes; given both, they must agree',
  path: ['classes'],
};

const classifierSchema = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('mri-cnn').describe('Four convolutions, two dense layers.'),
      ...common,
    }),
    z.strictObject({ type: z.literal('mri-resnet').describe('Residual, group normalisation.'), ...common }),
  ])
  .refine(countsAgree, COUNT_RULE);

/** The `model` of a job that names a network, as written in YAML. */
export const modelSpecSchema = z.union([classifierSchema, unetSpecSchema]);

/** A network that gives each image one output a class. */
export type ClassifierSpec = z.infer<typeof classifierSchema>;
export type ModelSpec = ClassifierSpec | UnetSpec;

const CLASSIFIER_KEYS = ['type', ...Object.keys(common)];

/**
 * Checks a model definition.
 * @throws NF_MODEL_UNKNOWN, NF_MODEL_KEY or NF_MODEL_INVALID, with the key in `place`
 */
export function parseModelSpec(value: unknown): ModelSpec {
  const given: Record<string, unknown> = value && typeof value === 'object' ? { ...value } : {};
  const type = String(given.type ?? '');
  if (!MODEL_TYPES.some((known) => known === type)) throw unknownType(type);
  const known = type === 'unet' ? UNET_KEYS : CLASSIFIER_KEYS;
  const key = Object.keys(given).find((name) => !known.includes(name));
  if (key !== undefined) {
    const params = { key, type, nearest: didYouMean(key, known), known: known.join(', ') };
    throw flError('NF_MODEL_KEY', params, { place: { key: `model.${key}` } });
  }
  const parsed = (type === 'unet' ? unetSpecSchema : classifierSchema).safeParse(given);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const at = issue?.path.join('.') || 'type';
  const problem = `${at} ${issue ? issueText(issue) : 'cannot be used'}`;
  const whole =
    type === 'unet' ? 'patch_size: 64, labels: [lesion]' : 'image_size: 64, classes: [glioma, meningioma]';
  throw flError(
    'NF_MODEL_INVALID',
    { problem, whole: `{type: ${type}, ${whole}}` },
    { place: { key: `model.${at}` } },
  );
}

function unknownType(type: string) {
  const params = { type, nearest: didYouMean(type, MODEL_TYPES), known: MODEL_TYPES.join(', ') };
  return flError('NF_MODEL_UNKNOWN', params, { place: { key: 'model.type' } });
}

/** Channels of the input. */
export function inputChannels({ channels }: Pick<ModelSpec, 'channels'>): number {
  return channels ?? 1;
}

/** @throws NF_MODEL_CHANNELS where the model and the examples of the data have not as many channels */
export function requireChannels(model: number, data: number): void {
  if (model === data) return;
  const params = { model: counted(model, 'channel'), data: counted(data, 'channel'), count: data };
  throw flError('NF_MODEL_CHANNELS', params, { place: { key: 'model.channels' } });
}

/** Of a classifier: its classes or their number; of a segmentation: the background and the labels. */
export function outputCount(spec: ModelSpec): number {
  if (spec.type === 'unet') return spec.labels.length + 1;
  return spec.classes?.length ?? spec.num_classes ?? 0;
}

/** Names of the classes, in the order of the outputs; undefined where the network names none, or has no classes. */
export function classesOfModel(spec: ModelSpec): readonly string[] | undefined {
  return spec.type === 'unet' ? undefined : spec.classes;
}

/** What the network can learn. */
export function taskOfModel({ type }: Pick<ModelSpec, 'type'>): TaskKind {
  return type === 'unet' ? 'segmentation' : 'classification';
}

/** @throws NF_MODEL_TASK for a network that gives no classes */
export function requireClassifier(spec: ModelSpec): ClassifierSpec {
  if (spec.type !== 'unet') return spec;
  throw taskError(spec, 'classification');
}

/**
 * Whether the network learns what the job wants, and has the labels of its masks as outputs.
 * @throws NF_MODEL_TASK, NF_MODEL_LABELS
 */
export function requireTask(spec: ModelSpec, task: LearningTask): void {
  if (taskOfModel(spec) !== task.kind) throw taskError(spec, task.kind);
  if (spec.type !== 'unet' || task.kind !== 'segmentation') return;
  const declared = Object.keys(task.masks.labels);
  if (spec.labels.toSorted().join('\n') === declared.toSorted().join('\n')) return;
  const params = { model: spec.labels.join(', '), masks: declared.join(', ') };
  throw flError('NF_MODEL_LABELS', params, { place: { key: 'model.labels' } });
}

function taskError(spec: ModelSpec, task: TaskKind) {
  const fitting = MODEL_TYPES.filter((type) => taskOfModel({ type }) === task).join(', ') || 'none yet';
  const params = { type: spec.type, own: taskOfModel(spec), task, fitting };
  return flError('NF_MODEL_TASK', params, { place: { key: 'model.type' } });
}

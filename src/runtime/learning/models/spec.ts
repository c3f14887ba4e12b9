import { z } from 'zod';
import { flError } from '../../base/errors/errors.ts';
import { issueText } from '../../base/errors/issue-text.ts';
import type { LearningTask, TaskKind } from '../../base/selection/learning-task.ts';
import { counted } from '../../base/text/counted.ts';
import { didYouMean } from '../../base/text/nearest.ts';
import { UNET_KEYS, type UnetSpec, unetSpecSchema } from './unet-spec.ts';

/** The models a job can name under `model.type`. */
export const MODEL_TYPES = ['mri-cnn', 'mri-resnet', 'unet', 'backbone'] as const;

/** Networks that can be built from PyTorch's safetensors. */
export const ARCHITECTURES = ['efficientnet-lite0'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

const MOST_FEATURES = 65_536;

const everywhere = {
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
  dropout: z.number().min(0).max(0.9).optional().describe('Rate before the last layer; default 0, none.'),
  seed: z.int().min(0).optional().describe('Seed of the first values; default 0. A job uses its own seed.'),
};

const pooling = z.enum(['max', 'average']).optional();

/** Sides of a cube over this make activations of gigabytes. */
const LARGEST_CUBE = 192;

const grown = {
  ...everywhere,
  dimensions: z
    .union([z.literal(2), z.literal(3)])
    .optional()
    .describe(
      `2: a picture, of a volume its axial slices side by side; 3: the volume itself, in a cube of image_size, at most ${LARGEST_CUBE}; default 2.`,
    ),
  width: z.int().min(8).max(256).multipleOf(8).optional().describe('Filters of the first layer; default 16.'),
  pooling: pooling.describe(
    'What is kept of each feature over the image: max finds small lesions. Default: max for mri-cnn.',
  ),
};

/** One number for all channels of a pretrained network, or one for each. */
const perChannel = z.union([z.number(), z.array(z.number()).min(1).max(16)]).optional();

const transferred = {
  ...everywhere,
  import: z
    .string()
    .min(1)
    .describe(
      'The file of the pretrained network, in the folder of the job: ONNX, or safetensors of PyTorch.',
    ),
  architecture: z
    .enum(ARCHITECTURES)
    .optional()
    .describe('What network a file of safetensors holds; an ONNX file says so itself.'),
  frozen_to: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The last layer that stays as it is: a node of an ONNX file, a block of a known architecture (blocks.12). Default: all of it.',
    ),
  features: z
    .int()
    .min(1)
    .max(MOST_FEATURES)
    .optional()
    .describe(
      'Of an ONNX file: the numbers that it gives for a picture, or the channels of its feature maps.',
    ),
  pooling: pooling.describe('What is kept of each feature map over the image; default average.'),
  input_channels: z
    .int()
    .min(1)
    .max(16)
    .optional()
    .describe('Channels that the network takes: one grey channel is given to each of them. Default 3.'),
  input_mean: perChannel.describe(
    'Where the mean of the tissue comes to lie at the input of the network. Default 0.',
  ),
  input_std: perChannel.describe('What its standard deviation is there, over 0. Default 1.'),
  hidden: z
    .array(z.int().min(1).max(4096))
    .max(4)
    .optional()
    .describe('Units of hidden layers between the features and the classes; default none: a linear head.'),
};

function cubeFault({ image_size: side, dimensions }: { image_size: number; dimensions?: 2 | 3 | undefined }) {
  if (dimensions !== 3 || side <= LARGEST_CUBE) return undefined;
  return { path: ['image_size'], message: `is ${side}, and a cube has at most ${LARGEST_CUBE}` };
}

/** A file of ONNX says what it computes, but not how its features are cut; one of safetensors holds nothing but weights. */
function fileFault(spec: BackboneSpec): { message: string; path: string[] } | undefined {
  const isOnnx = spec.import.endsWith('.onnx');
  if (!isOnnx && !spec.import.endsWith('.safetensors'))
    return { path: ['import'], message: 'is no file of ONNX (.onnx) or of PyTorch (.safetensors)' };
  if (isOnnx && spec.features === undefined)
    return { path: ['features'], message: 'is missing: the numbers that the network gives for a picture' };
  if (isOnnx && spec.architecture !== undefined)
    return { path: ['architecture'], message: 'is for safetensors: an ONNX file says what it computes' };
  if (!isOnnx && spec.architecture === undefined)
    return { path: ['architecture'], message: `is missing: one of ${ARCHITECTURES.join(', ')}` };
  if (!isOnnx && spec.features !== undefined)
    return { path: ['features'], message: 'is for ONNX files: it follows from the architecture' };
  return inputFault(spec);
}

function inputFault(spec: BackboneSpec): { message: string; path: string[] } | undefined {
  const { channels = 1, input_std: std = 1 } = spec;
  const taken = takenChannels(spec);
  if (spec.architecture !== undefined && taken !== 3)
    return { path: ['input_channels'], message: `is ${taken}, and ${spec.architecture} takes 3` };
  if (channels !== 1 && channels !== taken)
    return {
      path: ['channels'],
      message: `is ${channels}, and the network takes ${taken}: give it one channel, or as many as it takes`,
    };
  for (const key of ['input_mean', 'input_std'] as const) {
    const given = spec[key];
    if (Array.isArray(given) && given.length !== taken)
      return { path: [key], message: `has ${given.length} numbers, and the network takes ${taken} channels` };
  }
  return [std].flat().every((value) => value > 0)
    ? undefined
    : { path: ['input_std'], message: 'has a number that is not over 0' };
}

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
      ...grown,
    }),
    z.strictObject({ type: z.literal('mri-resnet').describe('Residual, group normalisation.'), ...grown }),
    z.strictObject({
      type: z.literal('backbone').describe('A pretrained network, frozen, and a head that is trained.'),
      ...transferred,
    }),
  ])
  .refine(countsAgree, COUNT_RULE)
  .superRefine((spec, context) => {
    const fault = spec.type === 'backbone' ? fileFault(spec) : cubeFault(spec);
    if (fault) context.addIssue({ code: 'custom', ...fault });
  });

/** The `model` of a job that names a network, as written in YAML. */
export const modelSpecSchema = z.union([classifierSchema, unetSpecSchema]);

/** A network that gives each image one output a class. */
export type ClassifierSpec = z.infer<typeof classifierSchema>;
export type ModelSpec = ClassifierSpec | UnetSpec;

/** A pretrained network and what is trained on it. */
export type BackboneSpec = Extract<ModelSpec, { type: 'backbone' }>;
/** A classifier whose parameters are all trained. */
export type GrownSpec = Exclude<ClassifierSpec, BackboneSpec>;

function knownKeys(type: string): readonly string[] {
  if (type === 'unet') return UNET_KEYS;
  return ['type', ...Object.keys(type === 'backbone' ? transferred : grown)];
}

/**
 * Checks a model definition.
 * @throws NF_MODEL_UNKNOWN, NF_MODEL_KEY or NF_MODEL_INVALID, with the key in `place`
 */
export function parseModelSpec(value: unknown): ModelSpec {
  const given: Record<string, unknown> = value && typeof value === 'object' ? { ...value } : {};
  const type = String(given.type ?? '');
  if (!MODEL_TYPES.some((known) => known === type)) throw unknownType(type);
  const known = knownKeys(type);
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

/** Of the example that a classifier sees: 2 for a picture, 3 for a volume. */
export function dimensionsOf(spec: ClassifierSpec): 2 | 3 {
  return spec.type === 'backbone' ? 2 : (spec.dimensions ?? 2);
}

/** Channels that a pretrained network takes. */
export function takenChannels({ input_channels: taken = 3 }: Pick<BackboneSpec, 'input_channels'>): number {
  return taken;
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
  const fitting = MODEL_TYPES.filter((type) => taskOfModel({ type }) === task).join(', ');
  const params = { type: spec.type, own: taskOfModel(spec), task, fitting };
  return flError('NF_MODEL_TASK', params, { place: { key: 'model.type' } });
}

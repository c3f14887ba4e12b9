import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers';
import type { ParamSet } from '../../base/tensors/nd-array.ts';
import { DeepSupervision } from '../engine/layers/deep-supervision.ts';
import { GroupNormalization } from '../engine/layers/group-normalization.ts';
import { Upsampling } from '../engine/layers/upsampling.ts';
import { tf, tfl } from '../engine/tfjs.ts';
import { initialParams, modelInput, planModel } from './initial-params.ts';
import { type ConvPlan, convOfHead, type GlobalPoolPlan, type LayerPlan } from './plan.ts';
import { type ModelSpec, parseModelSpec } from './spec.ts';

type Layer = InstanceType<typeof tfl.layers.Layer>;

const specs = new WeakMap<LayersModel, ModelSpec>();

/**
 * The model a job names: input [image_size, image_size, channels], of a volume with one more image_size before them, output logits [classes]; of a U-Net input [patch..., channels], output
 * logits [patch..., 1 + labels], the sides of the patch from the slowest axis of a volume to the fastest (superior, anterior, right). Of a model on a
 * pretrained network it is what is trained: its input is what the frozen part gives. Its first values are those of
 * `initialParams(spec, spec.seed)`, its parameters are named after its layers (`conv1/kernel`).
 * @throws NF_MODEL_UNKNOWN, NF_MODEL_KEY, NF_MODEL_INVALID, NF_BACKBONE_LAYER
 */
export function buildModel(definition: unknown): LayersModel {
  const spec = parseModelSpec(definition);
  const model = buildLayers(planModel(spec), { shape: modelInput(spec), name: spec.type });
  fillModel(model, firstParams(spec));
  specs.set(model, spec);
  return model;
}

/** Layers on one input, whose weights are all 0. */
export function buildLayers(
  plans: readonly LayerPlan[],
  { shape, name }: { readonly shape: readonly number[]; readonly name: string },
): LayersModel {
  const inputs = tfl.input({ shape: [...shape], name: 'image' });
  const heads: SymbolicTensor[] = [];
  const last = chain(plans, inputs, heads);
  const outputs =
    heads.length === 0
      ? last
      : (new DeepSupervision({ name: 'outputs' }).apply([last, ...heads]) as SymbolicTensor);
  return tfl.model({ inputs, outputs, name });
}

let last: { readonly key: string; readonly params: ParamSet } | undefined;

/** A thread builds the same model for task after task; what it begins with takes longer to make than a site of few images to train. */
function firstParams(spec: ModelSpec): ParamSet {
  const key = JSON.stringify(spec);
  if (last?.key !== key) last = { key, params: initialParams(spec, spec.seed) };
  return last.params;
}

/** What a model was built from; undefined for a model of the user's own making. */
export function modelSpecOf(model: LayersModel): ModelSpec | undefined {
  return specs.get(model);
}

/** Gives every weight its value, by name. */
export function fillModel(model: LayersModel, params: ParamSet): void {
  for (const weight of model.weights) {
    const values = params[weight.originalName];
    if (!values) throw new Error(`the plan has no parameter ${weight.originalName}`);
    tf.tidy(() => {
      // A copy: a backend may keep the array it is given.
      weight.write(tf.tensor(values.data.slice(), [...values.shape], 'float32'));
    });
  }
}

/** @param heads takes the outputs of heads on the way, from the coarsest on */
function chain(plans: readonly LayerPlan[], input: SymbolicTensor, heads: SymbolicTensor[]): SymbolicTensor {
  return plans.reduce((tensor, plan) => apply(plan, tensor, heads), input);
}

function apply(plan: LayerPlan, input: SymbolicTensor, heads: SymbolicTensor[]): SymbolicTensor {
  switch (plan.kind) {
    case 'residual': {
      const branches = [chain(plan.body, input, heads), chain(plan.shortcut, input, heads)];
      return tfl.layers.add({ name: plan.name }).apply(branches) as SymbolicTensor;
    }
    case 'skip': {
      const both = [input, chain(plan.inner, input, heads)];
      return tfl.layers.concatenate({ name: plan.name }).apply(both) as SymbolicTensor;
    }
    case 'global-pool':
      return poolAll(plan, input);
    case 'head':
      heads.push(makeConv(convOfHead(plan)).apply(input) as SymbolicTensor);
      return input;
    default:
      return makeLayer(plan).apply(input) as SymbolicTensor;
  }
}

type SimplePlan = Exclude<LayerPlan, { kind: 'residual' | 'skip' | 'head' | 'global-pool' }>;

function makeLayer(plan: SimplePlan): Layer {
  const { name } = plan;
  switch (plan.kind) {
    case 'conv':
      return makeConv(plan);
    case 'dense':
      return tfl.layers.dense({ name, units: plan.units, kernelInitializer: 'zeros' });
    case 'group-norm':
      return new GroupNormalization({ name, groups: plan.groups });
    case 'depthwise': {
      const { size: kernelSize, stride: strides } = plan;
      const form = { kernelSize, strides, padding: 'same', depthwiseInitializer: 'zeros' } as const;
      return tfl.layers.depthwiseConv2d({ name, ...form });
    }
    case 'relu':
    case 'relu6':
      return tfl.layers.activation({ name, activation: plan.kind });
    case 'max-pool': {
      const make = plan.axes === 3 ? tfl.layers.maxPooling3d : tfl.layers.maxPooling2d;
      return make({ name, poolSize: 2, strides: 2 });
    }
    case 'upsample':
      return new Upsampling({ name });
    case 'dropout':
      return tfl.layers.dropout({ name, rate: plan.rate });
  }
}

/** TensorFlow.js has these layers for images alone; the planes of a volume, one below the other, are an image. */
function poolAll({ name, how, axes }: GlobalPoolPlan, input: SymbolicTensor): SymbolicTensor {
  const [, depth = 0, height = 0, width = 0, channels = 0] = input.shape.map(Number);
  const planes =
    axes === 3
      ? tfl.layers.reshape({ name: `${name}_planes`, targetShape: [depth * height, width, channels] })
      : undefined;
  const options = { name, dataFormat: 'channelsLast' } as const;
  const pool =
    how === 'max' ? tfl.layers.globalMaxPooling2d(options) : tfl.layers.globalAveragePooling2d(options);
  return pool.apply(planes ? planes.apply(input) : input) as SymbolicTensor;
}

/** Kernels start at zero here, which costs nothing; `fillModel` then gives every weight its value. */
function makeConv(plan: ConvPlan): Layer {
  const make = plan.axes === 3 ? tfl.layers.conv3d : tfl.layers.conv2d;
  return make({
    name: plan.name,
    filters: plan.filters,
    kernelSize: plan.size,
    strides: plan.stride,
    // The same where nothing is reached over; 'same' moves a strided kernel of one voxel by one in TensorFlow.js.
    padding: plan.size === 1 ? 'valid' : 'same',
    useBias: plan.bias,
    kernelInitializer: 'zeros',
  });
}

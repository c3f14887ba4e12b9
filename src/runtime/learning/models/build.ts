import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers';
import type { ParamSet } from '../../base/tensors/nd-array.ts';
import { GroupNormalization } from '../engine/layers/group-normalization.ts';
import { tf, tfl } from '../engine/tfjs.ts';
import { initialParams, planModel } from './initial-params.ts';
import type { ConvPlan, LayerPlan } from './plan.ts';
import { inputChannels, type ModelSpec, parseModelSpec } from './spec.ts';

type Layer = InstanceType<typeof tfl.layers.Layer>;

const specs = new WeakMap<LayersModel, ModelSpec>();

/**
 * The model a job names: input [image_size, image_size, channels], output logits [classes]. Its first values are those of
 * `initialParams(spec, spec.seed)`, its parameters are named after its layers (`conv1/kernel`).
 * @throws NF_MODEL_UNKNOWN, NF_MODEL_KEY, NF_MODEL_INVALID
 */
export function buildModel(definition: unknown): LayersModel {
  const spec = parseModelSpec(definition);
  const side = spec.image_size;
  const inputs = tfl.input({ shape: [side, side, inputChannels(spec)], name: 'image' });
  const outputs = chain(planModel(spec), inputs);
  const model = tfl.model({ inputs, outputs, name: spec.type });
  fillModel(model, firstParams(spec));
  specs.set(model, spec);
  return model;
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

function chain(plans: readonly LayerPlan[], input: SymbolicTensor): SymbolicTensor {
  return plans.reduce((tensor, plan) => apply(plan, tensor), input);
}

function apply(plan: LayerPlan, input: SymbolicTensor): SymbolicTensor {
  if (plan.kind !== 'residual') return makeLayer(plan).apply(input) as SymbolicTensor;
  const branches = [chain(plan.body, input), chain(plan.shortcut, input)];
  return tfl.layers.add({ name: plan.name }).apply(branches) as SymbolicTensor;
}

function makeLayer(plan: Exclude<LayerPlan, { kind: 'residual' }>): Layer {
  const { name } = plan;
  switch (plan.kind) {
    case 'conv':
      return makeConv(plan);
    case 'dense':
      return tfl.layers.dense({ name, units: plan.units, kernelInitializer: 'zeros' });
    case 'group-norm':
      return new GroupNormalization({ name, groups: plan.groups });
    case 'relu':
      return tfl.layers.activation({ name, activation: 'relu' });
    case 'max-pool':
      return tfl.layers.maxPooling2d({ name, poolSize: 2, strides: 2 });
    case 'global-pool': {
      const options = { name, dataFormat: 'channelsLast' } as const;
      return plan.how === 'max'
        ? tfl.layers.globalMaxPooling2d(options)
        : tfl.layers.globalAveragePooling2d(options);
    }
    case 'dropout':
      return tfl.layers.dropout({ name, rate: plan.rate });
  }
}

/** Kernels start at zero here, which costs nothing; `fillModel` then gives every weight its value. */
function makeConv(plan: ConvPlan): Layer {
  return tfl.layers.conv2d({
    name: plan.name,
    filters: plan.filters,
    kernelSize: plan.size,
    strides: plan.stride,
    padding: 'same',
    useBias: plan.bias,
    kernelInitializer: 'zeros',
  });
}

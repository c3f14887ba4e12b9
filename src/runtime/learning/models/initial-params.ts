import { createRandom } from '../../base/random.ts';
import { elementCount, type NdArray, type ParamSet } from '../../base/tensors/nd-array.ts';
import { planBackbone } from './backbone.ts';
import { planMriCnn } from './mri-cnn.ts';
import { planMriResnet } from './mri-resnet.ts';
import { type LayerPlan, type ParamPlan, planParams } from './plan.ts';
import { dimensionsOf, inputChannels, type ModelSpec, parseModelSpec } from './spec.ts';
import { planUnet } from './unet.ts';
import { inputSides, patchSize } from './unet-spec.ts';

/** The layers of a model, from the input to the logits. A new one is a file with a plan, a case here and its name in `MODEL_TYPES`. */
export function planModel(spec: ModelSpec): readonly LayerPlan[] {
  switch (spec.type) {
    case 'mri-cnn':
      return planMriCnn(spec);
    case 'mri-resnet':
      return planMriResnet(spec);
    case 'unet':
      return planUnet(spec);
    case 'backbone':
      return planBackbone(spec).trained;
  }
}

/** What these layers are given of an example: a picture or a patch, or what the frozen part of a pretrained network makes of a picture. */
export function modelInput(spec: ModelSpec): readonly number[] {
  if (spec.type === 'backbone') return planBackbone(spec).shape;
  const channels = inputChannels(spec);
  if (spec.type !== 'unet') return [...new Array<number>(dimensionsOf(spec)).fill(spec.image_size), channels];
  return [...inputSides(patchSize(spec), spec.dimensions), channels];
}

/**
 * Round 0: the first values of a model's parameters, float32, by name (`conv1/kernel`). They follow from `spec` and `seed`
 * alone and no tensor library is loaded, so whoever makes them gets the same bits. Weights are normal with variance
 * 2 / fan-in before a ReLU (He et al., "Delving deep into rectifiers", 2015), biases 0.
 */
export function initialParams(spec: unknown, seed = 0): ParamSet {
  return Object.fromEntries(parameterPlans(spec).map((plan) => [plan.name, firstValues(plan, seed)]));
}

/** Shapes of a model's parameters, known before one is made. */
export function parameterShapes(spec: unknown): readonly (readonly number[])[] {
  return parameterPlans(spec).map(({ shape }) => shape);
}

function parameterPlans(spec: unknown): readonly ParamPlan[] {
  const parsed = parseModelSpec(spec);
  return planParams(planModel(parsed), modelInput(parsed).at(-1) ?? 0).params;
}

/** Names, shapes and dtypes of the same parameters, without their values. */
export function paramForms(spec: unknown): { name: string; dtype: 'float32'; shape: readonly number[] }[] {
  return parameterPlans(spec).map(({ name, shape }) => ({ name, dtype: 'float32', shape }));
}

function firstValues(plan: ParamPlan, seed: number): NdArray {
  const data = new Float32Array(elementCount(plan.shape));
  if ('value' in plan.start) {
    data.fill(plan.start.value);
  } else {
    const { deviation } = plan.start;
    const random = createRandom('initial-params', seed, plan.name);
    for (let index = 0; index < data.length; index++) data[index] = deviation * random.normal();
  }
  return { dtype: 'float32', shape: [...plan.shape], data };
}

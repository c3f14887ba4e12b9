import type { Variable } from '@tensorflow/tfjs-core';
import type { LayersModel, LayerVariable, layers } from '@tensorflow/tfjs-layers';
import { flError } from '../kernel/errors.ts';
import { didYouMean } from '../kernel/nearest.ts';
import { elementCount, type NdArray, type ParamSet } from '../tensors/nd-array.ts';

type Layer = layers.Layer;

/** One weight of a model. */
export interface Parameter {
  /** `layer/weight`, the same in every process that builds the same model. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly trainable: boolean;
  readonly variable: Variable;
}

/**
 * All weights of a model in the order of its layers.
 *
 * tfjs numbers unnamed layers and repeated weight names by what the process has built before (`conv2d_Conv2D7`). Here unnamed
 * layers are numbered within the model, as Keras does: `conv2d`, `conv2d_1`; names given by the user stay.
 */
export function modelParameters(model: LayersModel): Parameter[] {
  const trainable = new Set(model.trainableWeights.map(({ id }) => id));
  const taken = new Set<string>();
  const names = layerNames(model);
  return leafLayers(model).flatMap((layer) =>
    layer.weights.map((weight) => ({
      name: unused(`${names.get(layer)}/${weightName(layer, weight)}`, taken),
      shape: weight.shape.map((size) => size ?? 1),
      trainable: trainable.has(weight.id),
      variable: weight.read() as Variable,
    })),
  );
}

/** Stable names of a model's layers, those of nested models included. */
export function layerNames(model: LayersModel): Map<Layer, string> {
  const layers = leafLayers(model);
  const given = layers.filter((layer) => automaticName(layer) === undefined).map(({ name }) => name);
  const taken = new Set(given);
  return new Map(
    layers.map((layer) => {
      const automatic = automaticName(layer);
      return [layer, automatic === undefined ? layer.name : unused(automatic, taken)];
    }),
  );
}

/** The layers that compute, in the model's order; nested models are opened. */
export function leafLayers(model: LayersModel): Layer[] {
  const leaves = model.layers.flatMap((layer) => (isModel(layer) ? leafLayers(layer) : [layer]));
  return [...new Set(leaves)];
}

function isModel(layer: Layer | LayersModel): layer is LayersModel {
  return 'layers' in layer && Array.isArray(layer.layers);
}

/** `conv2d` for tfjs's own `conv2d_Conv2D7`; nothing for a name that the user gave. */
function automaticName(layer: Layer): string | undefined {
  const suffix = `_${layer.getClassName()}`;
  const at = layer.name.lastIndexOf(suffix);
  return at > 0 && /^\d+$/.test(layer.name.slice(at + suffix.length)) ? layer.name.slice(0, at) : undefined;
}

function weightName(layer: Layer, weight: LayerVariable): string {
  const scope = `${layer.name}/`;
  const at = weight.originalName.lastIndexOf(scope);
  return at === -1
    ? (weight.originalName.split('/').at(-1) ?? '')
    : weight.originalName.slice(at + scope.length);
}

function unused(name: string, taken: Set<string>): string {
  let candidate = name;
  for (let count = 1; taken.has(candidate); count++) candidate = `${name}_${count}`;
  taken.add(candidate);
  return candidate;
}

/** Refuses parameters that do not fit, by name; see `CompiledModel.setParams`. */
export function checkParams(parameters: readonly Parameter[], params: ParamSet): void {
  const expected = new Set(parameters.map(({ name }) => name));
  for (const name of Object.keys(params)) {
    if (!expected.has(name)) {
      throw namesError(`the model has no parameter '${name}'.${didYouMean(name, expected)}`);
    }
  }
  for (const { name, shape } of parameters) {
    const array = params[name];
    if (!array) throw namesError(`'${name}' is missing.`);
    checkArray(name, array, shape);
  }
}

function namesError(reason: string): Error {
  return flError('NF_ENGINE_PARAMS_NAMES', { reason });
}

function checkArray(name: string, array: NdArray, shape: readonly number[]): void {
  const same = array.shape.length === shape.length && shape.every((size, axis) => size === array.shape[axis]);
  if (!same || array.data.length !== elementCount(shape)) {
    const actual = same ? `${array.data.length} elements` : array.shape.join(', ');
    throw flError('NF_ENGINE_PARAMS_SHAPE', { name, actual, expected: shape.join(', ') });
  }
  if (array.dtype !== 'float32') throw flError('NF_ENGINE_PARAMS_DTYPE', { name, actual: array.dtype });
  for (let index = 0; index < array.data.length; index++) {
    const value = array.data[index] ?? Number.NaN;
    if (!Number.isFinite(value)) throw flError('NF_ENGINE_PARAMS_NOT_FINITE', { name, value, index });
  }
}

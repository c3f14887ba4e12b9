import type { Variable } from '@tensorflow/tfjs-core';
import type { LayersModel, LayerVariable, layers } from '@tensorflow/tfjs-layers';
import { checkParams, checkSameForm } from '../../base/tensors/check-params.ts';
import type { ParamSet } from '../../base/tensors/nd-array.ts';
import { type Optimizer, optionError } from './optimizer.ts';

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
  return namedWeights(model).map(({ name, weight }) => ({
    name,
    shape: weight.shape.map((size) => size ?? 1),
    trainable: trainable.has(weight.id),
    variable: weight.read() as Variable,
  }));
}

/** From now on weights of other names are not trained. */
export function freezeOthers(model: LayersModel, isTrained: (name: string) => boolean): void {
  for (const { name, weight } of namedWeights(model)) if (!isTrained(name)) weight.trainable = false;
}

interface NamedWeight {
  readonly name: string;
  readonly weight: LayerVariable;
}

function namedWeights(model: LayersModel): NamedWeight[] {
  const taken = new Set<string>();
  const names = layerNames(model);
  return leafLayers(model).flatMap((layer) =>
    layer.weights.map((weight) => ({
      name: unused(`${names.get(layer)}/${weightName(layer, weight)}`, taken),
      weight,
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

/** Layers within a wrapper (`backward_lstm_LSTM5/kernel`) lose tfjs's number too. */
function weightName(layer: Layer, weight: LayerVariable): string {
  const scope = `${layer.name}/`;
  const at = weight.originalName.lastIndexOf(scope);
  return at === -1
    ? (weight.originalName.split('/').at(-1) ?? '')
    : weight.originalName.slice(at + scope.length).replace(/_[A-Z]\w*?\d+(?=\/)/g, '');
}

function unused(name: string, taken: Set<string>): string {
  let candidate = name;
  for (let count = 1; taken.has(candidate); count++) candidate = `${name}_${count}`;
  taken.add(candidate);
  return candidate;
}

/** Refuses parameters that do not fit; see `CompiledModel.setParams`. */
export function requireParams(parameters: readonly Parameter[], params: ParamSet): void {
  checkParams(params);
  const forms = parameters.map(({ name, shape }) => [name, { dtype: 'float32', shape }] as const);
  checkSameForm(params, Object.fromEntries(forms));
}

/** Refuses a correction that does not fit, and gives the parameters that it is for; see `CompiledModel.setCorrection`. */
export function requireCorrection(
  parameters: readonly Parameter[],
  { usesCorrection }: Pick<Optimizer, 'usesCorrection'>,
  correction: ParamSet | undefined,
): Parameter[] {
  if (!usesCorrection) throw optionError('corrected', 'true for setCorrection', false);
  const trainable = parameters.filter((parameter) => parameter.trainable);
  if (correction) requireParams(trainable, correction);
  return trainable;
}

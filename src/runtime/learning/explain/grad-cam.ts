import type { Tensor } from '@tensorflow/tfjs-core';
import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers';
import type { ParamSet } from '../../base/tensors/nd-array.ts';
import type { Engine } from '../engine/engine.ts';
import { modelParameters } from '../engine/parameters.ts';
import { onBackend, tf, tfl } from '../engine/tfjs.ts';
import { buildModel } from '../models/build.ts';
import type { BackboneSpec, ClassifierSpec } from '../models/spec.ts';

/** Which parts of a picture speak for a class: one map a picture, row by row, from 0 to 1; of a volume plane by plane. */
export interface HeatMaps {
  /** Side of each map, or of each of its planes. */
  readonly side: number;
  /** 1 of a picture. */
  readonly planes: number;
  readonly maps: readonly Float32Array[];
}

/** Explains one model's decisions. */
export interface Explainer {
  /**
   * @param x pictures or volumes as the model gets them, [size, imageSize, imageSize, channels] or with one more imageSize
   * @param labels the class of each picture that is asked about
   */
  heat(x: Float32Array, labels: readonly number[]): Promise<HeatMaps>;
  dispose(): void;
}

/** The global pooling of every model of `models/`: what comes before it still has places. */
const POOLING = 'features';
/** Of every known architecture, what stands before it. */
const LAST_STAGE = 'head';
const BATCH_SIZE = 16;

/**
 * Grad-CAM (Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based localization", 2017) in its
 * element-wise form, HiResCAM (Draelos and Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations", 2020): each feature before the global pooling
 * times the slope of the class's logit at that very place. After a mean over the image both are the same; after a maximum only
 * this form keeps to the places that the network went by. The engine computes the features, where the work is; TensorFlow.js's own gradient goes
 * through the few layers after them.
 * @returns nothing for a model on an ONNX file, whose features need have no places
 */
export async function createExplainer(
  given: ClassifierSpec,
  params: ParamSet,
  engine: Engine,
): Promise<Explainer | undefined> {
  const spec = beforePooling(given);
  if (!spec) return undefined;
  const model = buildModel(spec);
  const pooling = model.getLayer(POOLING);
  const places = pooling.input as SymbolicTensor;
  const trunk = await openTrunk({ model, places, spec, params }, engine);
  const head = buildHead(model, places, params);
  // Planes of a volume are one below the other here.
  const [, rows = 0, side = 0, channels = 0] = places.shape.map(Number);
  return {
    heat: (x, labels) => heatMaps({ trunk, head, rows, side, channels }, x, labels),
    dispose: () => {
      trunk.dispose();
      head.dispose();
    },
  };
}

/** The same model, of which what comes before the pooling is known. */
function beforePooling(spec: ClassifierSpec): ClassifierSpec | undefined {
  if (spec.type !== 'backbone') return spec;
  if (spec.architecture === undefined) return undefined;
  return { ...spec, frozen_to: spec.frozen_to === POOLING ? LAST_STAGE : (spec.frozen_to ?? LAST_STAGE) };
}

/** What is before the pooling: pictures to features [size, rows, side, channels]. */
interface Trunk {
  predict(x: Float32Array, size: number): Promise<Float32Array>;
  dispose(): void;
}

interface TrunkParts {
  readonly model: LayersModel;
  readonly places: SymbolicTensor;
  readonly spec: ClassifierSpec;
  readonly params: ParamSet;
}

async function openTrunk({ model, places, spec, params }: TrunkParts, engine: Engine): Promise<Trunk> {
  const network = spec.type === 'backbone' ? await openFrozen(spec) : undefined;
  if (network && places === model.inputs[0]) return network;
  const flat = tfl.layers.flatten({ name: 'places' }).apply(places) as SymbolicTensor;
  const trunk = await engine.compile(tfl.model({ inputs: model.inputs, outputs: flat }), {
    batchSize: BATCH_SIZE,
    optimizer: { kind: 'sgd' },
  });
  trunk.setParams(pick(params, Object.keys(trunk.getParams())));
  if (!network) return trunk;
  return {
    predict: async (x, size) => trunk.predict(await network.predict(x, size), size),
    dispose: () => trunk.dispose(),
  };
}

async function openFrozen(spec: BackboneSpec): Promise<Trunk> {
  const { featuresOfAll, openBackbone } = await import('../backbone/open-backbone.ts');
  const backbone = await openBackbone(spec);
  return { predict: (x, size) => featuresOfAll(backbone, x, size), dispose: () => undefined };
}

function pick(params: ParamSet, names: readonly string[]): ParamSet {
  return Object.fromEntries(names.flatMap((name) => (params[name] ? [[name, params[name]]] : [])));
}

/** The layers from the pooling on, as a model of their own with these parameters. */
function buildHead(model: LayersModel, places: SymbolicTensor, params: ParamSet): LayersModel {
  const input = tfl.input({ shape: places.shape.slice(1) });
  const start = model.layers.findIndex(({ name }) => name === POOLING);
  const output = model.layers
    .slice(start)
    .reduce((tensor, layer) => layer.apply(tensor) as SymbolicTensor, input);
  const head = tfl.model({ inputs: input, outputs: output });
  for (const { name, shape, variable } of modelParameters(head)) {
    const values = params[name]?.data;
    if (values) tf.tidy(() => variable.assign(tf.tensor(Float32Array.from(values), [...shape])));
  }
  return head;
}

interface Parts {
  readonly trunk: Trunk;
  readonly head: LayersModel;
  readonly rows: number;
  readonly side: number;
  readonly channels: number;
}

async function heatMaps(parts: Parts, x: Float32Array, labels: readonly number[]): Promise<HeatMaps> {
  const { trunk, head, rows, side, channels } = parts;
  const values = await trunk.predict(x, labels.length);
  const maps = onBackend('cpu', () =>
    tf.tidy(() => {
      const features = tf.tensor4d(values, [labels.length, rows, side, channels]);
      const wanted = tf.oneHot(tf.tensor1d([...labels], 'int32'), Number(head.outputs[0]?.shape[1]));
      const logit = (places: Tensor) =>
        tf.sum(tf.mul(head.apply(places) as Tensor, tf.cast(wanted, 'float32')));
      const slopes = tf.grad(logit)(features);
      return tf.relu(tf.sum(tf.mul(features, slopes), 3)).dataSync() as Float32Array;
    }),
  );
  const area = rows * side;
  return {
    side,
    planes: rows / side,
    maps: labels.map((_, at) => toUnit(maps.slice(at * area, (at + 1) * area))),
  };
}

/** The highest value becomes 1; a map without any stays 0. */
function toUnit(map: Float32Array): Float32Array {
  const highest = map.reduce((most, value) => Math.max(most, value), 0);
  return highest > 0 ? map.map((value) => value / highest) : map;
}

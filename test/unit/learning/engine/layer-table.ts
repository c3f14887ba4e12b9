import { groupNormalization } from '../../../../src/runtime/learning/engine/layers/group-normalization.ts';
import { tf, tfl } from '../../../../src/runtime/learning/engine/tfjs.ts';

type Layer = tfl.layers.Layer;
type SymbolicTensor = tfl.SymbolicTensor;

/**
 * - `agrees`: trains as the cpu engine does.
 * - `derivative`: the cpu backend has this gradient wrong or not at all; it is held against differences of losses instead.
 * - `unmapped`: NF_ENGINE_KERNEL_UNMAPPED on ort. This list may only shrink.
 * - `beyond`: TensorFlow.js itself cannot train it, ort can: held against a model that computes the same, or against differences.
 * - `tfjs`: TensorFlow.js itself cannot train it, on any engine.
 */
export type Outcome = 'agrees' | 'derivative' | 'unmapped' | 'beyond' | 'tfjs';

export interface LayerCase {
  /** Layer and variant, e.g. `conv2d, dilationRate`. */
  readonly name: string;
  readonly outcome: Outcome;
  /** Shape of an example. */
  readonly input: readonly number[];
  /** The part of the model between its input and `flatten, dense`. */
  readonly build: (x: SymbolicTensor) => SymbolicTensor;
  /** The same function in layers that TensorFlow.js can train. */
  readonly same?: (x: SymbolicTensor) => SymbolicTensor;
  /** `same` has a scale of ones beside. */
  readonly withoutScale?: boolean;
}

type Make = () => Layer;
type Variants = Readonly<Record<string, Make>>;

const { layers } = tfl;
const IMAGE = [9, 8, 3];
const SEQUENCE = [6, 3];
const VOLUME = [5, 4, 4, 2];

/** Behind trainable weights, so that the gradient of the layer's input counts too. */
function behindDense(make: Make) {
  return (x: SymbolicTensor) => make().apply(mixed(x)) as SymbolicTensor;
}

function mixed(x: SymbolicTensor): SymbolicTensor {
  return layers.dense({ units: x.shape.at(-1) ?? 1 }).apply(x) as SymbolicTensor;
}

function cases(outcome: Outcome, input: readonly number[], variants: Variants): LayerCase[] {
  return Object.entries(variants).map(([name, make]) => ({ name, outcome, input, build: behindDense(make) }));
}

const CONV = { filters: 4, kernelSize: 3 };
const CHANNELS_FIRST = { dataFormat: 'channelsFirst' } as const;
const SAME = { padding: 'same' } as const;
const OVERLAPPING = { poolSize: 3, strides: 2 };
const STRIDED = { strides: 2, ...SAME } as const;

const IMAGES: Variants = {
  'conv2d, valid': () => layers.conv2d(CONV),
  'conv2d, same': () => layers.conv2d({ ...CONV, ...SAME }),
  'conv2d, strides': () => layers.conv2d({ ...CONV, strides: 2 }),
  'conv2d, strides, same': () => layers.conv2d({ ...CONV, ...STRIDED }),
  'conv2d, kernel of 2 x 1': () => layers.conv2d({ filters: 4, kernelSize: [2, 1] }),
  'conv2d, 1 x 1, strides': () => layers.conv2d({ filters: 4, kernelSize: 1, strides: 2 }),
  'conv2d, channelsFirst': () => layers.conv2d({ ...CONV, ...CHANNELS_FIRST }),
  'conv2d, activation and regularizer': () =>
    layers.conv2d({ ...CONV, activation: 'relu', kernelRegularizer: 'l1l2' }),
  'depthwiseConv2d, depthMultiplier': () => layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 }),
  'depthwiseConv2d, strides, same': () => layers.depthwiseConv2d({ kernelSize: 3, ...STRIDED }),
  'separableConv2d, depthMultiplier': () => layers.separableConv2d({ ...CONV, depthMultiplier: 2 }),
  'separableConv2d, strides, same': () => layers.separableConv2d({ ...CONV, ...STRIDED }),
  'conv2dTranspose, valid': () => layers.conv2dTranspose(CONV),
  'conv2dTranspose, strides, same': () => layers.conv2dTranspose({ ...CONV, ...STRIDED }),
  'conv2dTranspose, strides above the kernel': () =>
    layers.conv2dTranspose({ filters: 4, kernelSize: 2, strides: 3 }),
  maxPooling2d: () => layers.maxPooling2d({ poolSize: 2 }),
  'maxPooling2d, overlapping': () => layers.maxPooling2d(OVERLAPPING),
  'maxPooling2d, overlapping, same': () => layers.maxPooling2d({ ...OVERLAPPING, ...SAME }),
  'maxPooling2d, gaps': () => layers.maxPooling2d({ poolSize: 2, strides: 3 }),
  'maxPooling2d, channelsFirst': () => layers.maxPooling2d({ poolSize: 2, ...CHANNELS_FIRST }),
  averagePooling2d: () => layers.averagePooling2d({ poolSize: 2 }),
  'averagePooling2d, overlapping': () => layers.averagePooling2d(OVERLAPPING),
  globalMaxPooling2d: () => layers.globalMaxPooling2d({ dataFormat: 'channelsLast' }),
  globalAveragePooling2d: () => layers.globalAveragePooling2d({}),
  'globalAveragePooling2d, channelsFirst': () => layers.globalAveragePooling2d(CHANNELS_FIRST),
  zeroPadding2d: () =>
    layers.zeroPadding2d({
      padding: [
        [1, 2],
        [0, 1],
      ],
    }),
  'zeroPadding2d, channelsFirst': () => layers.zeroPadding2d({ padding: 1, ...CHANNELS_FIRST }),
  cropping2D: () =>
    layers.cropping2D({
      cropping: [
        [1, 2],
        [0, 1],
      ],
    }),
  batchNormalization: () => layers.batchNormalization({}),
  layerNormalization: () => layers.layerNormalization({}),
  'layerNormalization, all axes': () => layers.layerNormalization({ axis: [1, 2, 3] }),
  groupNormalization: () => groupNormalization({ groups: 3 }),
  dropout: () => layers.dropout({ rate: 0.3 }),
  rescaling: () => layers.rescaling({ scale: 2, offset: 1 }),
  'dropout, noiseShape': () => layers.dropout({ rate: 0.3, noiseShape: [4, 1, 1, 3] }),
  gaussianNoise: () => layers.gaussianNoise({ stddev: 0.1 }),
  gaussianDropout: () => layers.gaussianDropout({ rate: 0.3 }),
  alphaDropout: () => layers.alphaDropout({ rate: 0.3 }),
  flatten: () => layers.flatten(),
  'flatten, channelsFirst': () => layers.flatten(CHANNELS_FIRST),
  reshape: () => layers.reshape({ targetShape: [8, 27] }),
  permute: () => layers.permute({ dims: [3, 1, 2] }),
  'dense on images': () => layers.dense({ units: 5 }),
  timeDistributed: () => layers.timeDistributed({ layer: layers.dense({ units: 3 }) }),
  prelu: () => layers.prelu(),
  'prelu, sharedAxes': () => layers.prelu({ sharedAxes: [1, 2] }),
  leakyReLU: () => layers.leakyReLU(),
  elu: () => layers.elu(),
  reLU: () => layers.reLU(),
  'reLU, maxValue': () => layers.reLU({ maxValue: 1 }),
};

const ACTIVATIONS = [
  ...(['elu', 'gelu', 'gelu_new', 'hardSigmoid', 'linear', 'mish', 'relu', 'relu6'] as const),
  ...(['selu', 'sigmoid', 'softmax', 'softplus', 'softsign', 'swish', 'tanh'] as const),
];

const RECURRENT = { units: 4, recurrentInitializer: 'glorotUniform' } as const;

const SEQUENCES: Variants = {
  conv1d: () => layers.conv1d(CONV),
  'conv1d, strides, same': () => layers.conv1d({ ...CONV, ...STRIDED }),
  maxPooling1d: () => layers.maxPooling1d({ poolSize: 2 }),
  averagePooling1d: () => layers.averagePooling1d({ poolSize: 2 }),
  globalMaxPooling1d: () => layers.globalMaxPooling1d({}),
  globalAveragePooling1d: () => layers.globalAveragePooling1d({}),
  spatialDropout1d: () => layers.spatialDropout1d({ rate: 0.3 }),
  simpleRNN: () => layers.simpleRNN(RECURRENT),
  gru: () => layers.gru(RECURRENT),
  lstm: () => layers.lstm(RECURRENT),
  'lstm, returnSequences': () => layers.lstm({ ...RECURRENT, returnSequences: true }),
  bidirectional: () =>
    layers.bidirectional({ layer: layers.lstm(RECURRENT) as tfl.RNN, mergeMode: 'concat' }),
};

const VECTORS: Variants = {
  dense: () => layers.dense({ units: 4 }),
  repeatVector: () => layers.repeatVector({ n: 3 }),
  softmax: () => layers.softmax(),
  'batchNormalization of vectors': () => layers.batchNormalization({}),
  'layerNormalization of vectors': () => layers.layerNormalization({}),
};

/** Layers of two inputs, each behind weights of its own. */
const MERGES: Variants = {
  add: () => layers.add(),
  average: () => layers.average(),
  maximum: () => layers.maximum(),
  minimum: () => layers.minimum(),
  multiply: () => layers.multiply(),
  concatenate: () => layers.concatenate(),
  'concatenate, first axis': () => layers.concatenate({ axis: 1 }),
  dot: () => layers.dot({ axes: -1 }),
  'dot, normalize': () => layers.dot({ axes: 1, normalize: true }),
};

/** Passes what is over 0.3. */
class Threshold extends layers.Layer {
  static readonly className = 'Threshold';
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const mask = (x: tf.Tensor) => tf.cast(tf.greater(x, 0.3), 'float32');
    const compute = tf.customGrad((...given) => {
      const [x, save] = given as unknown as [tf.Tensor, tf.GradSaveFunc];
      save([x]);
      const gradFunc = (dy: tf.Tensor, [saved]: tf.Tensor[]) => tf.mul(dy, mask(saved as tf.Tensor));
      return { value: tf.mul(x, mask(x)), gradFunc };
    });
    return compute([inputs].flat()[0] as tf.Tensor);
  }
}

/** Batch normalisation that TensorFlow.js refuses, beside the same one on moved or joined axes. */
function normalized(
  name: string,
  input: readonly number[],
  { axis, as }: { axis: number; as: number[] },
): LayerCase {
  const around = (x: SymbolicTensor) => {
    if (axis === -1) return layers.reshape({ targetShape: as }).apply(x) as SymbolicTensor;
    return layers.permute({ dims: as }).apply(x) as SymbolicTensor;
  };
  const back = (x: SymbolicTensor) => {
    if (axis === -1) return layers.reshape({ targetShape: [...input] }).apply(x) as SymbolicTensor;
    return layers.permute({ dims: as }).apply(x) as SymbolicTensor;
  };
  const norm = (on: number) => layers.batchNormalization({ axis: on });
  return {
    name,
    outcome: 'beyond',
    input,
    build: (x) => norm(axis).apply(mixed(x)) as SymbolicTensor,
    same: (x) => back(norm(-1).apply(around(mixed(x))) as SymbolicTensor),
  };
}

export const LAYER_TABLE: readonly LayerCase[] = [
  ...cases('agrees', IMAGE, IMAGES),
  ...cases(
    'agrees',
    IMAGE,
    Object.fromEntries(
      ACTIVATIONS.map((activation) => [`activation ${activation}`, () => layers.activation({ activation })]),
    ),
  ),
  ...cases('agrees', SEQUENCE, SEQUENCES),
  ...cases('agrees', [6], VECTORS),
  ...Object.entries(MERGES).map(
    ([name, make]): LayerCase => ({
      name,
      outcome: 'agrees',
      input: [5, 4],
      build: (x) => make().apply([mixed(x), mixed(x)]) as SymbolicTensor,
    }),
  ),
  {
    name: 'embedding',
    outcome: 'agrees',
    input: [5],
    build: (x) => layers.embedding({ inputDim: 4, outputDim: 3 }).apply(x) as SymbolicTensor,
  },
  ...cases('derivative', IMAGE, {
    'averagePooling2d, overlapping, same': () => layers.averagePooling2d({ ...OVERLAPPING, ...SAME }),
    upSampling2d: () => layers.upSampling2d({ size: [2, 3] }),
    'upSampling2d, channelsFirst': () => layers.upSampling2d({ size: [2, 2], ...CHANNELS_FIRST }),
    'upSampling2d, bilinear': () => layers.upSampling2d({ size: [2, 2], interpolation: 'bilinear' }),
  }),
  ...cases('agrees', VOLUME, {
    conv3d: () => layers.conv3d({ filters: 3, kernelSize: 2 }),
    'conv3d, strides, same': () => layers.conv3d({ ...CONV, ...STRIDED }),
    maxPooling3d: () => layers.maxPooling3d({ poolSize: 2 }),
    'maxPooling3d, overlapping, same': () => layers.maxPooling3d({ ...OVERLAPPING, ...SAME }),
    averagePooling3d: () => layers.averagePooling3d({ poolSize: 2 }),
  }),
  ...cases('derivative', VOLUME, {
    'averagePooling3d, overlapping, same': () => layers.averagePooling3d({ ...OVERLAPPING, ...SAME }),
  }),
  ...cases('unmapped', IMAGE, { centerCrop: () => layers.centerCrop({ height: 6, width: 6 }) }),
  ...cases('beyond', IMAGE, {
    'conv2d, dilationRate': () => layers.conv2d({ ...CONV, dilationRate: 2 }),
    'conv2d, dilationRate, same': () => layers.conv2d({ ...CONV, ...SAME, dilationRate: [2, 3] }),
  }),
  ...cases('beyond', SEQUENCE, {
    'conv1d, dilationRate': () => layers.conv1d({ ...CONV, dilationRate: 2 }),
  }),
  ...cases('beyond', VOLUME, {
    conv3dTranspose: () => layers.conv3dTranspose({ filters: 3, kernelSize: 2, strides: 2 }),
  }),
  ...cases('beyond', IMAGE, { thresholdedReLU: () => layers.thresholdedReLU({ theta: 0.3 }) }).map(
    (entry) => ({
      ...entry,
      same: behindDense(() => new Threshold()),
    }),
  ),
  normalized('batchNormalization, axis 1', IMAGE, { axis: 1, as: [3, 2, 1] }),
  normalized('batchNormalization of volumes', VOLUME, { axis: -1, as: [20, 4, 2] }),
  ...cases('beyond', IMAGE, {
    'batchNormalization, scale false': () => layers.batchNormalization({ scale: false }),
  }).map((entry) => ({
    ...entry,
    withoutScale: true,
    same: behindDense(() => layers.batchNormalization({})),
  })),
  ...cases('tfjs', IMAGE, { 'masking behind weights': () => layers.masking() }),
];

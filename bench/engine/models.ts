import { groupNormalization } from '../../src/runtime/learning/engine/layers/group-normalization.ts';
import { tfl } from '../../src/runtime/learning/engine/tfjs.ts';

type Layer = tfl.layers.Layer;
type Value = tfl.SymbolicTensor;

const { layers } = tfl;
const CLASSES = 4;
const kernelInitializer = tfl.initializers.heNormal({ seed: 1 });

/** A network of the bench; `torch_worker.py` has each of them under the same name, layer by layer. */
export interface BenchModel {
  readonly inputShape: readonly number[];
  readonly batchSize: number;
  build(): tfl.LayersModel;
}

/** @param size side of the square or cubic input */
export function benchModel(name: string, size: number): BenchModel {
  const build = BUILDERS[name];
  if (!build) throw new Error(`No model ${name}: there are ${Object.keys(BUILDERS).join(', ')}`);
  const volume = name === 'cnn3d';
  const inputShape = volume ? [size, size, size, 1] : [size, size, 1];
  const input = tfl.input({ shape: inputShape });
  return {
    inputShape,
    batchSize: volume ? 4 : 32,
    build: () => tfl.model({ inputs: input, outputs: build(input) }),
  };
}

const BUILDERS: Record<string, (input: Value) => Value> = {
  reference: (input) => head(pooledStages(input, (x, filters) => chain(x, conv(filters), relu()))),
  batchnorm: (input) =>
    head(
      pooledStages(input, (x, filters) => chain(x, conv(filters, { useBias: false }), batchNorm(), relu())),
    ),
  resnet: (input) => chain(residualStages(input), layers.globalAveragePooling2d({}), dense(CLASSES)),
  mobilenet: (input) => chain(separableStages(input), layers.globalAveragePooling2d({}), dense(CLASSES)),
  cnn3d: (input) =>
    chain(
      [8, 16, 32].reduce((x, filters) => {
        const convolution = layers.conv3d({
          filters,
          kernelSize: 3,
          padding: 'same',
          activation: 'relu',
          kernelInitializer,
        });
        return chain(x, convolution, layers.maxPooling3d({ poolSize: 2 }));
      }, input),
      layers.flatten(),
      dense(64),
      relu(),
      dense(CLASSES),
    ),
};

function chain(x: Value, ...steps: Layer[]): Value {
  return steps.reduce((value, layer) => layer.apply(value) as Value, x);
}

function conv(
  filters: number,
  options: { kernelSize?: number; strides?: number; useBias?: boolean } = {},
): Layer {
  return layers.conv2d({ filters, kernelSize: 3, padding: 'same', kernelInitializer, ...options });
}

function relu(): Layer {
  return layers.reLU();
}

function relu6(): Layer {
  return layers.reLU({ maxValue: 6 });
}

function batchNorm(): Layer {
  return layers.batchNormalization({ epsilon: 1e-5 });
}

function dense(units: number): Layer {
  return layers.dense({ units, kernelInitializer });
}

function pooledStages(input: Value, stage: (x: Value, filters: number) => Value): Value {
  const pooled = [16, 32, 64].reduce(
    (x, filters) => chain(stage(x, filters), layers.maxPooling2d({ poolSize: 2 })),
    input,
  );
  return stage(pooled, 128);
}

function head(x: Value): Value {
  return chain(x, layers.globalAveragePooling2d({}), dense(64), relu(), dense(CLASSES));
}

/** A stem that halves the image, then eight blocks in four widths; group normalisation throughout. */
function residualStages(input: Value): Value {
  const plain = (filters: number, options = {}) => conv(filters, { useBias: false, ...options });
  const norm = () => groupNormalization({ groups: 8 });
  let x = chain(input, plain(16, { strides: 2 }), norm(), relu());
  let width = 16;
  for (const [filters, strides] of [
    [16, 1],
    [16, 1],
    [32, 2],
    [32, 1],
    [64, 2],
    [64, 1],
    [128, 2],
    [128, 1],
  ] as const) {
    const body = chain(x, plain(filters, { strides }), norm(), relu(), plain(filters), norm());
    const shortcut = filters === width ? x : chain(x, plain(filters, { kernelSize: 1, strides }), norm());
    x = chain(layers.add().apply([body, shortcut]) as Value, relu());
    width = filters;
  }
  return x;
}

/** Depthwise and pointwise convolutions in turn, as MobileNet (Howard et al., 2017) has them. */
function separableStages(input: Value): Value {
  const plain = { useBias: false };
  let x = chain(input, conv(16, { ...plain, strides: 2 }), batchNorm(), relu6());
  for (const [filters, strides] of [
    [32, 1],
    [64, 2],
    [64, 1],
    [128, 2],
    [128, 1],
    [256, 2],
  ] as const) {
    const depthwise = layers.depthwiseConv2d({
      kernelSize: 3,
      strides,
      padding: 'same',
      depthwiseInitializer: kernelInitializer,
      ...plain,
    });
    x = chain(
      x,
      depthwise,
      batchNorm(),
      relu6(),
      conv(filters, { ...plain, kernelSize: 1 }),
      batchNorm(),
      relu6(),
    );
  }
  return x;
}

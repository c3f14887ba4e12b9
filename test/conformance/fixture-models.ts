import { groupNormalization } from '../../src/runtime/learning/engine/layers/group-normalization.ts';
import { tfl } from '../../src/runtime/learning/engine/tfjs.ts';

type Layer = tfl.layers.Layer;
type SymbolicTensor = tfl.SymbolicTensor;

const { layers } = tfl;

export interface FixtureOptions {
  readonly size: number;
  readonly widths: readonly number[];
  readonly dropout?: number;
  readonly classes?: number;
}

function he(seed: number) {
  return tfl.initializers.heNormal({ seed });
}

/** Convolutions with ReLU and max pooling, then dense layers with dropout: the plain CNN of the templates, in small. */
export function plainCnn({ size, widths, dropout = 0.3, classes = 4 }: FixtureOptions): tfl.LayersModel {
  const stages: Layer[] = widths.flatMap((filters, index) => {
    const shape = index === 0 ? { inputShape: [size, size, 1] } : {};
    const convolution = layers.conv2d({
      ...shape,
      filters,
      kernelSize: 3,
      padding: 'same',
      activation: 'relu',
      kernelInitializer: he(10 + index),
    });
    return index === widths.length - 1 ? [convolution] : [convolution, layers.maxPooling2d({ poolSize: 2 })];
  });
  return tfl.sequential({
    layers: [
      ...stages,
      layers.globalAveragePooling2d({}),
      layers.dense({ units: 64, activation: 'relu', kernelInitializer: he(20) }),
      layers.dropout({ rate: dropout }),
      layers.dense({ units: classes, kernelInitializer: he(21), name: 'logits' }),
    ],
  });
}

/** Residual blocks with group normalisation, strided convolutions and average pooling. */
export function residualCnn({ size, widths, classes = 4 }: FixtureOptions): tfl.LayersModel {
  let seed = 30;
  const conv = (filters: number, kernelSize: number, strides: number) =>
    layers.conv2d({
      filters,
      kernelSize,
      strides,
      padding: 'same',
      useBias: false,
      kernelInitializer: he(seed++),
    });
  const apply = (layer: Layer, x: SymbolicTensor | SymbolicTensor[]) => layer.apply(x) as SymbolicTensor;
  const norm = (x: SymbolicTensor) => apply(groupNormalization({ groups: 4 }), x);
  const relu = (x: SymbolicTensor) => apply(layers.reLU(), x);

  const input = tfl.input({ shape: [size, size, 1] });
  let x = relu(norm(apply(conv(widths[0] ?? 8, 3, 1), input)));
  widths.forEach((width, index) => {
    const strides = index === 0 ? 1 : 2;
    const inner = relu(norm(apply(conv(width, 3, strides), x)));
    const residual = norm(apply(conv(width, 3, 1), inner));
    const shortcut = index === 0 ? x : norm(apply(conv(width, 1, strides), x));
    x = relu(apply(layers.add(), [residual, shortcut]));
  });
  x = apply(layers.averagePooling2d({ poolSize: 2 }), x);
  x = apply(layers.globalAveragePooling2d({}), x);
  const logits = apply(layers.dense({ units: classes, kernelInitializer: he(99), name: 'logits' }), x);
  return tfl.model({ inputs: input, outputs: logits });
}

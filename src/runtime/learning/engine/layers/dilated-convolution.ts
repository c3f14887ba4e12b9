import type { LayerVariable, layers } from '@tensorflow/tfjs-layers';
import { tf } from '../tfjs.ts';
import { type LayerCall, withCalls } from './with-calls.ts';

/** What tfjs's convolution layers keep, `layers/convolutional.ts` of tfjs-layers 4.22. */
interface Convolution extends layers.Layer {
  readonly kernel: LayerVariable;
  readonly bias?: LayerVariable | null;
  readonly activation?: { apply(x: tf.Tensor): tf.Tensor } | null;
  readonly strides: number[];
  readonly dilationRate: number | number[];
  readonly padding: 'valid' | 'same';
  readonly dataFormat: 'channelsFirst' | 'channelsLast';
}

/** Runs a forward pass in which dilated convolutions are plain ones: tfjs's fused kernel refuses their gradient. */
export function withPlainDilation<T>(forward: () => T): T {
  return withCalls(plainCall, forward);
}

function plainCall(layer: layers.Layer): LayerCall | undefined {
  if (!isDilated(layer)) return undefined;
  const { kernel, bias, activation, strides, padding, dataFormat } = layer;
  const dilations = [layer.dilationRate].flat();
  return (input) => {
    const first = dataFormat === 'channelsFirst';
    const x = first ? moveAxis(input, 1, -1) : input;
    const filter = kernel.read();
    const y =
      layer.getClassName() === 'Conv1D'
        ? tf.conv1d(x as tf.Tensor3D, filter as tf.Tensor3D, strides[0] ?? 1, padding, 'NWC', dilations[0])
        : tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, pair(strides), padding, 'NHWC', pair(dilations));
    const shifted = bias ? tf.add(y, bias.read()) : y;
    const moved = first ? moveAxis(shifted, -1, 1) : shifted;
    return activation ? activation.apply(moved) : moved;
  };
}

function isDilated(layer: layers.Layer): layer is Convolution {
  const rates = [Reflect.get(layer, 'dilationRate') ?? 1].flat();
  return ['Conv1D', 'Conv2D'].includes(layer.getClassName()) && rates.some((rate) => rate !== 1);
}

function pair(sizes: readonly number[]): [number, number] {
  return [sizes[0] ?? 1, sizes[1] ?? sizes[0] ?? 1];
}

function moveAxis(x: tf.Tensor, from: number, to: number): tf.Tensor {
  const order = [...x.shape.keys()];
  const [axis = 0] = order.splice(from, 1);
  order.splice(to < 0 ? x.rank + to : to, 0, axis);
  return tf.transpose(x, order);
}

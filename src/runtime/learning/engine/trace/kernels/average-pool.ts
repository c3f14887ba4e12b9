import type { OnnxGraph } from '../../onnx/graph.ts';
import type { KernelCall, KernelMappings } from '../kernel-call.ts';
import { type SymbolicTensor, sameList } from '../symbolic.ts';
import {
  images,
  imagesOf,
  inputShape,
  outputPadding,
  outputShape,
  poolWindow,
  repeatPixels,
  tilesImage,
  type Window,
  windowAttributes,
} from './window.ts';

/** Averages over the part of the window inside the image, as in tfjs. */
function averagePool(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const x = call.input('x');
  const window = poolWindow(call, x.shape);
  const attributes = { ...windowAttributes(window), count_include_pad: 0 };
  return imagesOf(graph.op('AveragePool', [images(graph, x)], attributes), outputShape(window));
}

/**
 * Spreads dy evenly over the pixels that each window covers inside the image. (tfjs 4.22's cpu backend divides by the whole
 * window where it overhangs the image, which is not the derivative of its forward pass.)
 */
function averagePoolGradient(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const window = poolWindow(call, call.input('input').shape);
  const { filter, input, inChannels } = window;
  const share = graph.op('Mul', [images(graph, call.input('dy')), windowShares(graph, window)]);
  const reached = window.output.map((size, axis) => size * (filter[axis] ?? 1));
  if (tilesImage(window) && sameList(reached, input)) {
    return imagesOf(repeatPixels(graph, share, filter), inputShape(window));
  }
  const ones = graph.op('Expand', [graph.scalar(1), graph.int64s([inChannels, 1, ...filter])]);
  const attributes = {
    ...windowAttributes(window),
    group: inChannels,
    output_padding: outputPadding(window),
  };
  return imagesOf(graph.op('ConvTranspose', [share, ones], attributes), inputShape(window));
}

/** One divided by the pixels that each window covers, [1, 1, output...]. */
function windowShares(graph: OnnxGraph, window: Window): string {
  const covered = window.output.map((count, axis) =>
    Array.from({ length: count }, (_, index) => {
      const start = index * (window.strides[axis] ?? 1) - (window.before[axis] ?? 0);
      return Math.min(start + (window.filter[axis] ?? 1), window.input[axis] ?? 1) - Math.max(start, 0);
    }),
  );
  const pixels = covered.reduce((all, axis) => all.flatMap((a) => axis.map((b) => a * b)), [1]);
  const shares = Float32Array.from(pixels, (count) => 1 / count);
  if (shares.every((share) => share === shares[0])) return graph.scalar(shares[0] ?? 1);
  return graph.constant('float32', [1, 1, ...window.output], shares);
}

export const AVERAGE_POOL: KernelMappings = {
  AvgPool: averagePool,
  AvgPool3D: averagePool,
  AvgPool3DGrad: averagePoolGradient,
  AvgPoolGrad: averagePoolGradient,
};

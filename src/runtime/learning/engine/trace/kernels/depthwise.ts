import type { OnnxGraph } from '../../onnx/graph.ts';
import type { KernelCall, KernelMappings } from '../kernel-call.ts';
import { materialize, type SymbolicTensor, whole } from '../symbolic.ts';
import { rotated, rotatedPads } from './conv.ts';
import { filterGradient } from './filter-gradient.ts';
import { withBiasAndActivation } from './matmul.ts';
import {
  convAttributes,
  convWindow,
  images,
  imagesOf,
  outputPadding,
  outputShape,
  type Window,
} from './window.ts';

/** [height, width, C, multiplier] as the filters [C * multiplier, 1, height, width] of a grouped convolution. */
function groupedFilter(graph: OnnxGraph, filter: SymbolicTensor, window: Window): string {
  const shape = [window.outChannels, 1, ...window.filter];
  return graph.op('Reshape', [materialize(graph, filter, [2, 3, 0, 1]), graph.int64s(shape)]);
}

function depthwise(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const [x, filter] = [call.input('x'), call.input('filter')];
  const window = convWindow(call, { input: x.shape, filter: filter.shape, depthwise: true });
  const inputs = [images(graph, x), groupedFilter(graph, filter, window)];
  const attributes = { ...convAttributes(window), group: window.inChannels };
  return imagesOf(graph.op('Conv', inputs, attributes), outputShape(window));
}

/** With one filter a channel and stride 1 a convolution with the filters turned, which is faster than a transposed one. */
function inputGradient(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const [dy, filter] = [call.input('dy'), call.input('filter')];
  const { inputShape } = call.attributes<{ inputShape: number[] }>();
  const window = convWindow(call, { input: inputShape, filter: filter.shape, depthwise: true });
  const [gradient, filters] = [images(graph, dy), groupedFilter(graph, filter, window)];
  const group = window.inChannels;
  const pads = window.outChannels === group ? rotatedPads(window) : undefined;
  if (pads) {
    const attributes = { kernel_shape: window.filter, dilations: window.dilations, pads, group };
    return imagesOf(graph.op('Conv', [gradient, rotated(graph, filters, window)], attributes), inputShape);
  }
  const attributes = { ...convAttributes(window), group, output_padding: outputPadding(window) };
  return imagesOf(graph.op('ConvTranspose', [gradient, filters], attributes), inputShape);
}

function weightGradient(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const [x, dy] = [call.input('x'), call.input('dy')];
  const { filterShape } = call.attributes<{ filterShape: number[] }>();
  const window = convWindow(call, { input: x.shape, filter: filterShape, depthwise: true });
  const operands = { x: images(graph, x), dy: images(graph, dy), sums: call.notes.sums };
  return whole(filterGradient(graph, { window, ...operands, depthwise: true }), filterShape);
}

export const DEPTHWISE: KernelMappings = {
  DepthwiseConv2dNative: depthwise,
  DepthwiseConv2dNativeBackpropFilter: weightGradient,
  DepthwiseConv2dNativeBackpropInput: inputGradient,
  FusedDepthwiseConv2D: (call) => withBiasAndActivation(call, depthwise(call)),
};

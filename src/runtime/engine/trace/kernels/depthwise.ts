import type { OnnxGraph } from '../../onnx/graph.ts';
import type { KernelCall, KernelMappings } from '../kernel-call.ts';
import { materialize, type SymbolicTensor, whole } from '../symbolic.ts';
import {
  type ConvInfo,
  convAttributes,
  convInfo,
  images,
  imagesOf,
  joined,
  outputPadding,
  shiftedImages,
} from './conv2d.ts';
import { withBiasAndActivation } from './matmul.ts';

/** [height, width, C, multiplier] as the filters [C * multiplier, 1, height, width] of a grouped convolution. */
function groupedFilter(graph: OnnxGraph, filter: SymbolicTensor, info: ConvInfo): string {
  const shape = [info.outChannels, 1, info.filterHeight, info.filterWidth];
  return graph.op('Reshape', [materialize(graph, filter, [2, 3, 0, 1]), graph.int64s(shape)]);
}

function depthwise(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const [x, filter] = [call.input('x'), call.input('filter')];
  const info = convInfo(call, { input: x.shape, filter: filter.shape, depthwise: true });
  const inputs = [images(graph, x), groupedFilter(graph, filter, info)];
  return imagesOf(
    graph.op('Conv', inputs, { ...convAttributes(info), group: info.inChannels }),
    info.outShape,
  );
}

function inputGradient(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const [dy, filter] = [call.input('dy'), call.input('filter')];
  const { inputShape } = call.attributes<{ inputShape: number[] }>();
  const info = convInfo(call, { input: inputShape, filter: filter.shape, depthwise: true });
  const attributes = { ...convAttributes(info), group: info.inChannels, output_padding: outputPadding(info) };
  const inputs = [images(graph, dy), groupedFilter(graph, filter, info)];
  return imagesOf(graph.op('ConvTranspose', inputs, attributes), inputShape);
}

/** For each place in the filter the product of shifted images and dy, summed over images and positions. */
function filterGradient(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const [x, dy] = [call.input('x'), call.input('dy')];
  const { filterShape } = call.attributes<{ filterShape: number[] }>();
  const info = convInfo(call, { input: x.shape, filter: filterShape, depthwise: true });
  const positions = info.outHeight * info.outWidth;
  const multiplier = info.outChannels / info.inChannels;
  const perChannel = (value: string, many: number) =>
    graph.op('Reshape', [value, graph.int64s([info.batchSize, info.inChannels, many, positions])]);
  const gradients = perChannel(images(graph, dy), multiplier);
  const sums = shiftedImages(graph, info, images(graph, x)).map((shift) =>
    graph.op('ReduceSum', [graph.op('Mul', [perChannel(shift, 1), gradients]), graph.int64s([0, 3])], {
      keepdims: 0,
    }),
  );
  return whole(graph.op('Reshape', [joined(graph, sums, 0), graph.int64s(filterShape)]), filterShape);
}

export const DEPTHWISE: KernelMappings = {
  DepthwiseConv2dNative: depthwise,
  DepthwiseConv2dNativeBackpropFilter: filterGradient,
  DepthwiseConv2dNativeBackpropInput: inputGradient,
  FusedDepthwiseConv2D: (call) => withBiasAndActivation(call, depthwise(call)),
};

import { backend_util } from '@tensorflow/tfjs-core';
import type { OnnxAttributes, OnnxGraph } from '../../onnx/graph.ts';
import type { KernelCall, KernelMappings } from '../kernel-call.ts';
import { channelsFirst, materialize, type SymbolicTensor, whole } from '../symbolic.ts';
import { withBiasAndActivation } from './matmul.ts';

/** tfjs's own description of a convolution; shapes there are [N, H, W, C] and [height, width, C, K]. */
export type ConvInfo = backend_util.Conv2DInfo;

const NCHW = channelsFirst(4);
/** [height, width, C, K] as ONNX's [K, C, height, width]. */
const KCHW = [3, 2, 0, 1];
const CKHW = [2, 3, 0, 1];

export interface ConvAttributes {
  readonly strides: [number, number] | number;
  readonly pad: 'valid' | 'same' | number | backend_util.ExplicitPadding;
  readonly dataFormat?: 'NHWC' | 'NCHW';
  readonly dilations?: [number, number] | number;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

type Shape4 = [number, number, number, number];

export function convInfo(
  call: KernelCall,
  shapes: { input: readonly number[]; filter: readonly number[]; depthwise?: boolean },
): ConvInfo {
  const attributes = call.attributes<ConvAttributes>();
  if (attributes.dataFormat === 'NCHW') throw call.unsupported('channels-first data');
  return backend_util.computeConv2DInfo(
    [...shapes.input] as Shape4,
    [...shapes.filter] as Shape4,
    attributes.strides,
    attributes.dilations ?? 1,
    attributes.pad,
    attributes.dimRoundingMode,
    shapes.depthwise ?? false,
  );
}

/** Attributes that ONNX's Conv, ConvTranspose and poolings share. */
export function windowAttributes(info: ConvInfo): OnnxAttributes & { pads: number[] } {
  const { top, left, bottom, right } = info.padInfo;
  return {
    kernel_shape: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    pads: [top, left, bottom, right],
  };
}

export function convAttributes(info: ConvInfo): OnnxAttributes & { pads: number[] } {
  return { ...windowAttributes(info), dilations: [info.dilationHeight, info.dilationWidth] };
}

/** Rows and columns that a transposed convolution must add to reach the input's size. */
export function outputPadding(info: ConvInfo): [number, number] {
  const { top, left, bottom, right } = info.padInfo;
  const rows = (info.outHeight - 1) * info.strideHeight + info.effectiveFilterHeight - top - bottom;
  const columns = (info.outWidth - 1) * info.strideWidth + info.effectiveFilterWidth - left - right;
  return [info.inHeight - rows, info.inWidth - columns];
}

/** An image tensor in the order that ONNX's convolutions and poolings want. */
export function images(graph: OnnxGraph, tensor: SymbolicTensor): string {
  return materialize(graph, tensor, NCHW);
}

export function imagesOf(node: string, shape: readonly number[]): SymbolicTensor {
  return whole(node, shape, NCHW);
}

function conv2d(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const [x, filter] = [call.input('x'), call.input('filter')];
  const info = convInfo(call, { input: x.shape, filter: filter.shape });
  const inputs = [images(graph, x), materialize(graph, filter, KCHW)];
  return imagesOf(graph.op('Conv', inputs, convAttributes(info)), info.outShape);
}

/**
 * dx: with stride 1 a convolution of dy with the filter rotated by half a turn, which uses all threads; otherwise a transposed
 * convolution.
 */
function conv2dInputGradient(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const [dy, filter] = [call.input('dy'), call.input('filter')];
  const { inputShape } = call.attributes<{ inputShape: number[] }>();
  const info = convInfo(call, { input: inputShape, filter: filter.shape });
  if (info.strideHeight * info.strideWidth * info.dilationHeight * info.dilationWidth === 1) {
    return imagesOf(rotatedConvolution(graph, info, { dy, filter }), inputShape);
  }
  const attributes = { ...convAttributes(info), output_padding: outputPadding(info) };
  const inputs = [images(graph, dy), materialize(graph, filter, KCHW)];
  return imagesOf(graph.op('ConvTranspose', inputs, attributes), inputShape);
}

function rotatedConvolution(
  graph: OnnxGraph,
  info: ConvInfo,
  { dy, filter }: { dy: SymbolicTensor; filter: SymbolicTensor },
): string {
  const [height, width] = [info.filterHeight, info.filterWidth];
  const swapped = materialize(graph, filter, CKHW);
  const range = [
    [-1, -1],
    [-height - 1, -width - 1],
    [2, 3],
    [-1, -1],
  ].map((list) => graph.int64s(list));
  const rotated = height * width === 1 ? swapped : graph.op('Slice', [swapped, ...range]);
  const { top, left, bottom, right } = info.padInfo;
  const pads = [height - 1 - top, width - 1 - left, height - 1 - bottom, width - 1 - right];
  return graph.op('Conv', [images(graph, dy), rotated], { kernel_shape: [height, width], pads });
}

/** Below so many input channels the rows of one product are too few to keep the multiplication busy. */
const CHANNELS_ENOUGH = 16;

/**
 * dW: for every place in the filter the images as that place sees them, multiplied with dy and summed over images. With
 * few channels all places go into one product (im2col); with many, one product each is as fast and needs a ninth
 * of the memory.
 */
function conv2dFilterGradient(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const [x, dy] = [call.input('x'), call.input('dy')];
  const { filterShape } = call.attributes<{ filterShape: number[] }>();
  const info = convInfo(call, { input: x.shape, filter: filterShape });
  const flat = (value: string, channels: number) =>
    graph.op('Reshape', [value, graph.int64s([info.batchSize, channels, info.outHeight * info.outWidth])]);
  const gradient = flat(images(graph, dy), info.outChannels);
  const shifts = shiftedImages(graph, info, images(graph, x));
  const stacks = info.inChannels < CHANNELS_ENOUGH ? [joined(graph, shifts, 1)] : shifts;
  const rows = (info.inChannels * shifts.length) / stacks.length;
  const products = stacks.map((stack) => {
    const product = graph.op('com.microsoft.FusedMatMul', [flat(stack, rows), gradient], {
      transA: 0,
      transB: 1,
    });
    return graph.op('ReduceSum', [product, graph.int64s([0])], { keepdims: 0 });
  });
  const all = joined(graph, products, 0);
  return whole(graph.op('Reshape', [all, graph.int64s(filterShape)]), filterShape);
}

export function joined(graph: OnnxGraph, values: readonly string[], axis: number): string {
  return values.length === 1 ? (values[0] ?? '') : graph.op('Concat', values, { axis });
}

/** For each place in the filter, in row-major order, the images [N, C, H, W] as that place sees them. */
export function shiftedImages(graph: OnnxGraph, info: ConvInfo, input: string): string[] {
  const { top, left, bottom, right } = info.padInfo;
  const pads = graph.int64s([0, 0, top, left, 0, 0, bottom, right]);
  const padded =
    top + left + bottom + right === 0 ? input : graph.op('Pad', [input, pads], { mode: 'constant' });
  if (info.filterHeight * info.filterWidth * info.strideHeight * info.strideWidth === 1) return [padded];
  const height = (info.outHeight - 1) * info.strideHeight + 1;
  const width = (info.outWidth - 1) * info.strideWidth + 1;
  return Array.from({ length: info.filterHeight * info.filterWidth }, (_, place) => {
    const row = Math.floor(place / info.filterWidth) * info.dilationHeight;
    const column = (place % info.filterWidth) * info.dilationWidth;
    const range = [
      [row, column],
      [row + height, column + width],
      [2, 3],
      [info.strideHeight, info.strideWidth],
    ].map((list) => graph.int64s(list));
    return graph.op('Slice', [padded, ...range]);
  });
}

export const CONV2D: KernelMappings = {
  Conv2D: conv2d,
  Conv2DBackpropFilter: conv2dFilterGradient,
  Conv2DBackpropInput: conv2dInputGradient,
  FusedConv2D: (call) => withBiasAndActivation(call, conv2d(call)),
};

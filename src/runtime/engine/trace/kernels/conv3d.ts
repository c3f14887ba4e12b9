import { backend_util } from '@tensorflow/tfjs-core';
import { elementCount } from '../../../tensors/nd-array.ts';
import type { OnnxAttributes, OnnxGraph } from '../../onnx/graph.ts';
import type { KernelCall, KernelMappings } from '../kernel-call.ts';
import { channelsFirst, materialize, type SymbolicTensor, whole } from '../symbolic.ts';
import { joined } from './conv2d.ts';

/** Window over [N, D, H, W, C], axis by axis: depth, height, width. */
export interface VolumeWindow {
  readonly filter: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly outShape: readonly number[];
}

interface Conv3DAttributes {
  readonly strides: [number, number, number] | number;
  readonly pad: 'valid' | 'same';
  readonly dataFormat?: 'NDHWC' | 'NCDHW';
  readonly dilations?: [number, number, number] | number;
}

type Shape5 = [number, number, number, number, number];

const NCDHW = channelsFirst(5);
/** [depth, height, width, C, K] as ONNX's [K, C, depth, height, width]. */
const KCDHW = [4, 3, 0, 1, 2];

export function volumes(graph: OnnxGraph, tensor: SymbolicTensor): string {
  return materialize(graph, tensor, NCDHW);
}

export function volumesOf(node: string, shape: readonly number[]): SymbolicTensor {
  return whole(node, shape, NCDHW);
}

export function volumeWindow(info: backend_util.Conv3DInfo): VolumeWindow {
  const { front, back, top, bottom, left, right } = info.padInfo;
  // tfjs 4.22 computes paddings below 0 where strides leave voxels over; TensorFlow has none there.
  const padded = (sides: number[]) => sides.map((side) => Math.max(side, 0));
  return {
    filter: [info.filterDepth, info.filterHeight, info.filterWidth],
    strides: [info.strideDepth, info.strideHeight, info.strideWidth],
    dilations: [info.dilationDepth, info.dilationHeight, info.dilationWidth],
    before: padded([front, top, left]),
    after: padded([back, bottom, right]),
    input: [info.inDepth, info.inHeight, info.inWidth],
    output: [info.outDepth, info.outHeight, info.outWidth],
    outShape: info.outShape,
  };
}

export function volumeAttributes(window: VolumeWindow): OnnxAttributes {
  const { filter, strides, before, after } = window;
  return { kernel_shape: filter, strides, pads: [...before, ...after] };
}

/** What a transposed convolution must add to reach the input's size. */
export function volumePadding(window: VolumeWindow): number[] {
  return window.input.map((size, axis) => {
    const at = (list: readonly number[]) => list[axis] ?? 1;
    const extent = (at(window.filter) - 1) * at(window.dilations) + 1;
    return (
      size - ((at(window.output) - 1) * at(window.strides) + extent - at(window.before) - at(window.after))
    );
  });
}

function convWindow(call: KernelCall, input: readonly number[], filter: readonly number[]): VolumeWindow {
  const { strides, pad, dataFormat, dilations } = call.attributes<Conv3DAttributes>();
  if (dataFormat === 'NCDHW') throw call.unsupported('channels-first data');
  const shapes = [[...input] as Shape5, [...filter] as Shape5] as const;
  return volumeWindow(backend_util.computeConv3DInfo(...shapes, strides, dilations ?? 1, pad));
}

function conv3d(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const [x, filter] = [call.input('x'), call.input('filter')];
  const window = convWindow(call, x.shape, filter.shape);
  const attributes = { ...volumeAttributes(window), dilations: window.dilations };
  const node = graph.op('Conv', [volumes(graph, x), materialize(graph, filter, KCDHW)], attributes);
  return volumesOf(node, window.outShape);
}

/** Also the forward pass of `conv3dTranspose`. */
function inputGradient(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const [dy, filter] = [call.input('dy'), call.input('filter')];
  const { inputShape } = call.attributes<{ inputShape: number[] }>();
  const window = convWindow(call, inputShape, filter.shape);
  const attributes = { ...volumeAttributes(window), output_padding: volumePadding(window) };
  const inputs = [volumes(graph, dy), materialize(graph, filter, KCDHW)];
  return volumesOf(graph.op('ConvTranspose', inputs, attributes), inputShape);
}

/** For every place in the filter one product of the volumes as that place sees them with dy, summed over the batch. */
function filterGradient(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const [x, dy] = [call.input('x'), call.input('dy')];
  const { filterShape } = call.attributes<{ filterShape: number[] }>();
  const window = convWindow(call, x.shape, filterShape);
  const [batch = 1] = x.shape;
  const positions = elementCount(window.output);
  const flat = (value: string, channels: number) =>
    graph.op('Reshape', [value, graph.int64s([batch, channels, positions])]);
  const gradient = flat(volumes(graph, dy), dy.shape[4] ?? 1);
  const products = shiftedVolumes(graph, window, volumes(graph, x)).map((shifted) => {
    const factors = [flat(shifted, x.shape[4] ?? 1), gradient];
    const product = graph.op('com.microsoft.FusedMatMul', factors, { transA: 0, transB: 1 });
    return graph.op('ReduceSum', [product, graph.int64s([0])], { keepdims: 0 });
  });
  return whole(graph.op('Reshape', [joined(graph, products, 0), graph.int64s(filterShape)]), filterShape);
}

/** For each place in the filter, in row-major order, the volumes [N, C, D, H, W] as that place sees them. */
function shiftedVolumes(graph: OnnxGraph, window: VolumeWindow, input: string): string[] {
  const pads = graph.int64s([0, 0, ...window.before, 0, 0, ...window.after]);
  const padded = graph.op('Pad', [input, pads], { mode: 'constant' });
  const lengths = window.output.map((size, axis) => (size - 1) * (window.strides[axis] ?? 1) + 1);
  return placesOf(window.filter).map((place) => {
    const ends = place.map((start, axis) => start + (lengths[axis] ?? 1));
    const range = [place, ends, [2, 3, 4], window.strides].map((list) => graph.int64s(list));
    return graph.op('Slice', [padded, ...range]);
  });
}

function placesOf(sizes: readonly number[]): number[][] {
  const [size, ...rest] = sizes;
  if (size === undefined) return [[]];
  return Array.from({ length: size }, (_, index) => placesOf(rest).map((place) => [index, ...place])).flat();
}

export const CONV3D: KernelMappings = {
  Conv3D: conv3d,
  Conv3DBackpropFilterV2: filterGradient,
  Conv3DBackpropInputV2: inputGradient,
};

import type { OnnxGraph } from '../../onnx/graph.ts';
import type { KernelCall, KernelMapping, KernelMappings } from '../kernel-call.ts';
import { identityOrder, materialize, type SymbolicTensor, whole } from '../symbolic.ts';
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

/** Convolutions of images and of volumes; filters are [spatial..., C, K] in tfjs and [K, C, spatial...] in ONNX. */
function convolution(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const [x, filter] = [call.input('x'), call.input('filter')];
  const window = convWindow(call, { input: x.shape, filter: filter.shape });
  const inputs = [images(graph, x), filtersFor(graph, filter)];
  return imagesOf(graph.op('Conv', inputs, convAttributes(window)), outputShape(window));
}

/** dx; also the forward pass of transposed convolutions. */
function inputGradient(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const [dy, filter] = [call.input('dy'), call.input('filter')];
  const { inputShape } = call.attributes<{ inputShape: number[] }>();
  const window = convWindow(call, { input: inputShape, filter: filter.shape });
  const pads = rotatedPads(window);
  if (pads) return imagesOf(rotatedConvolution(graph, { window, dy, filter, pads }), inputShape);
  const attributes = { ...convAttributes(window), output_padding: outputPadding(window) };
  return imagesOf(
    graph.op('ConvTranspose', [images(graph, dy), filtersFor(graph, filter)], attributes),
    inputShape,
  );
}

function filtersFor(graph: OnnxGraph, filter: SymbolicTensor): string {
  const rank = filter.shape.length;
  return materialize(graph, filter, [rank - 1, rank - 2, ...identityOrder(rank - 2)]);
}

/** Paddings with which a convolution with the filter turned by half gives dx; nothing where strides forbid it. */
export function rotatedPads(window: Window): number[] | undefined {
  if (window.strides.some((stride) => stride !== 1)) return undefined;
  const pads = [window.before, window.after].flatMap((sides) =>
    sides.map((side, axis) => ((window.filter[axis] ?? 1) - 1) * (window.dilations[axis] ?? 1) - side),
  );
  return pads.every((pad) => pad >= 0) ? pads : undefined;
}

interface Rotation {
  readonly window: Window;
  readonly dy: SymbolicTensor;
  readonly filter: SymbolicTensor;
  readonly pads: readonly number[];
}

/** Uses all threads, and for volumes takes a tenth of the transposed convolution's time. */
function rotatedConvolution(graph: OnnxGraph, { window, dy, filter, pads }: Rotation): string {
  const rank = filter.shape.length;
  const swapped = materialize(graph, filter, [rank - 2, rank - 1, ...identityOrder(rank - 2)]);
  const attributes = { kernel_shape: window.filter, dilations: window.dilations, pads };
  return graph.op('Conv', [images(graph, dy), rotated(graph, swapped, window)], attributes);
}

/** Filters [.., .., spatial...] with every spatial axis reversed. */
export function rotated(graph: OnnxGraph, filters: string, { filter }: Window): string {
  if (filter.every((size) => size === 1)) return filters;
  const range = [
    filter.map(() => -1),
    filter.map((size) => -size - 1),
    filter.map((_, axis) => axis + 2),
    filter.map(() => -1),
  ].map((list) => graph.int64s(list));
  return graph.op('Slice', [filters, ...range]);
}

const weightGradient: KernelMapping = (call) => {
  const { graph } = call;
  const [x, dy] = [call.input('x'), call.input('dy')];
  const { filterShape } = call.attributes<{ filterShape: number[] }>();
  const window = convWindow(call, { input: x.shape, filter: filterShape });
  const operands = { x: images(graph, x), dy: images(graph, dy), sums: call.notes.sums };
  return whole(filterGradient(graph, { window, ...operands, depthwise: false }), filterShape);
};

export const CONV: KernelMappings = {
  Conv2D: convolution,
  Conv2DBackpropFilter: weightGradient,
  Conv2DBackpropInput: inputGradient,
  Conv3D: convolution,
  Conv3DBackpropFilterV2: weightGradient,
  Conv3DBackpropInputV2: inputGradient,
  FusedConv2D: (call) => withBiasAndActivation(call, convolution(call)),
};

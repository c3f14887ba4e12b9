import { backend_util } from '@tensorflow/tfjs-core';
import type { OnnxAttributes, OnnxGraph } from '../../onnx/graph.ts';
import type { KernelCall } from '../kernel-call.ts';
import { channelsFirst, materialize, type SymbolicTensor, whole } from '../symbolic.ts';

/** A window that moves over images [N, H, W, C] or volumes [N, D, H, W, C]; lists go by spatial axis, in that order. */
export interface Window {
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly filter: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Padding at the start and at the end of each axis. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly input: readonly number[];
  readonly output: readonly number[];
}

/** One number holds for all axes. */
type PerAxis = number | number[];

interface WindowKernelAttributes {
  readonly strides: PerAxis;
  readonly pad: 'valid' | 'same' | number | backend_util.ExplicitPadding;
  readonly dataFormat?: 'NHWC' | 'NCHW' | 'NDHWC' | 'NCDHW';
  readonly dilations?: PerAxis | null;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

type Info = backend_util.Conv2DInfo | backend_util.Conv3DInfo;
type Shape4 = [number, number, number, number];
type Shape5 = [number, number, number, number, number];

/** The window of a convolution, from tfjs's shapes: filter [spatial..., C, K], of depthwise ones [height, width, C, multiplier]. */
export function convWindow(
  call: KernelCall,
  shapes: { input: readonly number[]; filter: readonly number[]; depthwise?: boolean },
): Window {
  const { strides, pad, dilations, dimRoundingMode } = windowKernelAttributes(call);
  if (shapes.input.length === 4) {
    const [input, filter] = [[...shapes.input] as Shape4, [...shapes.filter] as Shape4];
    const steps = [strides as [number, number], (dilations ?? 1) as [number, number]] as const;
    return windowOf(
      backend_util.computeConv2DInfo(
        input,
        filter,
        ...steps,
        pad,
        dimRoundingMode,
        shapes.depthwise ?? false,
      ),
    );
  }
  const [input, filter] = [[...shapes.input] as Shape5, [...shapes.filter] as Shape5];
  const steps = [strides as [number, number, number], (dilations ?? 1) as [number, number, number]] as const;
  return windowOf(backend_util.computeConv3DInfo(input, filter, ...steps, pad as 'valid' | 'same'));
}

/** The window of a pooling over images or volumes. */
export function poolWindow(call: KernelCall, shape: readonly number[]): Window {
  const { strides, pad, dimRoundingMode } = windowKernelAttributes(call);
  const { filterSize } = call.attributes<{ filterSize: PerAxis }>();
  if (shape.length === 4) {
    const sizes = [filterSize as [number, number], strides as [number, number]] as const;
    return windowOf(backend_util.computePool2DInfo([...shape] as Shape4, ...sizes, 1, pad, dimRoundingMode));
  }
  const sizes = [filterSize as [number, number, number], strides as [number, number, number]] as const;
  const padding = pad as 'valid' | 'same' | number;
  return windowOf(
    backend_util.computePool3DInfo([...shape] as Shape5, ...sizes, 1, padding, dimRoundingMode),
  );
}

function windowKernelAttributes(call: KernelCall): WindowKernelAttributes {
  const attributes = call.attributes<WindowKernelAttributes>();
  if (attributes.dataFormat?.startsWith('NC')) throw call.unsupported('channels-first data');
  return attributes;
}

function windowOf(info: Info): Window {
  const volume = 'inDepth' in info;
  const { front, back, top, bottom, left, right } = { front: 0, back: 0, ...info.padInfo };
  const axes = (depth: number | undefined, rows: number, columns: number) =>
    volume ? [depth ?? 1, rows, columns] : [rows, columns];
  // tfjs 4.22 computes paddings below 0 where strides leave voxels over; TensorFlow has none there.
  const padding = (depth: number, rows: number, columns: number) =>
    axes(depth, rows, columns).map((side) => Math.max(side, 0));
  const deep = volume ? info : undefined;
  return {
    batch: info.batchSize,
    inChannels: info.inChannels,
    outChannels: info.outChannels,
    filter: axes(deep?.filterDepth, info.filterHeight, info.filterWidth),
    strides: axes(deep?.strideDepth, info.strideHeight, info.strideWidth),
    dilations: axes(deep?.dilationDepth, info.dilationHeight, info.dilationWidth),
    before: padding(front, top, left),
    after: padding(back, bottom, right),
    input: axes(deep?.inDepth, info.inHeight, info.inWidth),
    output: axes(deep?.outDepth, info.outHeight, info.outWidth),
  };
}

/** As tfjs has them. */
export function inputShape({ batch, input, inChannels }: Window): number[] {
  return [batch, ...input, inChannels];
}

export function outputShape({ batch, output, outChannels }: Window): number[] {
  return [batch, ...output, outChannels];
}

/** Attributes that ONNX's Conv, ConvTranspose and poolings share. */
export function windowAttributes({ filter, strides, before, after }: Window) {
  return { kernel_shape: filter, strides, pads: [...before, ...after] } satisfies OnnxAttributes;
}

export function convAttributes(window: Window) {
  return { ...windowAttributes(window), dilations: window.dilations } satisfies OnnxAttributes;
}

/** What a transposed convolution must add at the end of each axis to reach the input's size. */
export function outputPadding(window: Window): number[] {
  return window.input.map((size, axis) => {
    const at = (list: readonly number[]) => list[axis] ?? 1;
    const extent = (at(window.filter) - 1) * at(window.dilations) + 1;
    const reached =
      (at(window.output) - 1) * at(window.strides) + extent - at(window.before) - at(window.after);
    return size - reached;
  });
}

/** Images or volumes in the order that ONNX's convolutions and poolings want. */
export function images(graph: OnnxGraph, tensor: SymbolicTensor): string {
  return materialize(graph, tensor, channelsFirst(tensor.shape.length));
}

export function imagesOf(node: string, shape: readonly number[]): SymbolicTensor {
  return whole(node, shape, channelsFirst(shape.length));
}

/** A value, channels first, with zeros around it; negative numbers cut off. */
export function padded(
  graph: OnnxGraph,
  value: string,
  { before, after }: Pick<Window, 'before' | 'after'>,
): string {
  if ([...before, ...after].every((side) => side === 0)) return value;
  return graph.op('Pad', [value, graph.int64s([0, 0, ...before, 0, 0, ...after])], { mode: 'constant' });
}

export function joined(graph: OnnxGraph, values: readonly string[], axis: number): string {
  return values.length === 1 ? (values[0] ?? '') : graph.op('Concat', values, { axis });
}

/** True if windows neither overlap nor overhang; rows and columns may be left over at the end. */
export function tilesImage({ filter, strides, input, output }: Window): boolean {
  return filter.every(
    (size, axis) => size === strides[axis] && size * (output[axis] ?? 1) <= (input[axis] ?? 1),
  );
}

/** Each pixel, channels first, as a block of equal pixels. */
export function repeatPixels(graph: OnnxGraph, value: string, times: readonly number[]): string {
  const scales = graph.constant('float32', [times.length + 2], Float32Array.of(1, 1, ...times));
  return graph.op('Resize', [value, '', scales], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
}

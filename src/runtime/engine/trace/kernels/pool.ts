import { backend_util } from '@tensorflow/tfjs-core';
import { elementCount } from '../../../tensors/nd-array.ts';
import type { OnnxGraph } from '../../onnx/graph.ts';
import type { KernelCall, KernelMappings } from '../kernel-call.ts';
import type { SymbolicTensor } from '../symbolic.ts';
import {
  type ConvAttributes,
  type ConvInfo,
  images,
  imagesOf,
  outputPadding,
  windowAttributes,
} from './conv2d.ts';

interface PoolAttributes extends ConvAttributes {
  readonly filterSize: [number, number] | number;
}

function poolInfo(call: KernelCall, x: SymbolicTensor): ConvInfo {
  const { filterSize, strides, pad, dimRoundingMode } = call.attributes<PoolAttributes>();
  const shape = [...x.shape] as [number, number, number, number];
  return backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
}

function maxPool(call: KernelCall): SymbolicTensor {
  const x = call.input('x');
  const info = poolInfo(call, x);
  return imagesOf(call.graph.op('MaxPool', [images(call.graph, x)], windowAttributes(info)), info.outShape);
}

/** The gradient goes to the first of equal maxima in row-major order, as in tfjs and PyTorch. */
function maxPoolGradient(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const input = call.input('input');
  const info = poolInfo(call, input);
  const source = images(graph, input);
  const pooling = graph.node('MaxPool', [source], windowAttributes(info));
  const [pooled, places] = [graph.outputOf(pooling, 0), graph.outputOf(pooling, 1)];
  const unpool = (gradient: string) => maxUnpool(graph, info, { gradient, places });
  const gradient = images(graph, call.input('dy'));
  const node = unpool(gradient);
  call.notes.unpoolings.set(node, { input: source, pooled, gradient, unpool });
  return imagesOf(node, info.inShape);
}

/** True if windows neither overlap nor overhang; rows and columns may be left over. */
function tilesImage(info: ConvInfo): boolean {
  const apart = info.filterHeight === info.strideHeight && info.filterWidth === info.strideWidth;
  return (
    apart &&
    info.outHeight * info.filterHeight <= info.inHeight &&
    info.outWidth * info.filterWidth <= info.inWidth
  );
}

function maxUnpool(graph: OnnxGraph, info: ConvInfo, of: { gradient: string; places: string }): string {
  const shape = [info.batchSize, info.inChannels, info.inHeight, info.inWidth];
  if (tilesImage(info)) {
    const { kernel_shape, strides } = windowAttributes(info);
    const attributes = { kernel_shape: kernel_shape ?? [], strides: strides ?? [] };
    return graph.op('MaxUnpool', [of.gradient, of.places, graph.int64s(shape)], attributes);
  }
  const flat = [of.places, of.gradient].map((value) => graph.op('Reshape', [value, graph.int64s([-1])]));
  const zeros = graph.op('Expand', [graph.scalar(0), graph.int64s([elementCount(shape)])]);
  const sums = graph.op('ScatterElements', [zeros, ...flat], { axis: 0, reduction: 'add' });
  return graph.op('Reshape', [sums, graph.int64s(shape)]);
}

/** Averages over the part of the window inside the image, as in tfjs. */
function averagePool(call: KernelCall): SymbolicTensor {
  const x = call.input('x');
  const info = poolInfo(call, x);
  const attributes = { ...windowAttributes(info), count_include_pad: 0 };
  return imagesOf(call.graph.op('AveragePool', [images(call.graph, x)], attributes), info.outShape);
}

/**
 * Spreads dy evenly over the pixels that each window covers inside the image. (tfjs 4.22's cpu backend divides by the whole
 * window where it overhangs the image, which is not the derivative of its forward pass.)
 */
function averagePoolGradient(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const info = poolInfo(call, call.input('input'));
  const { filterHeight: height, filterWidth: width, inChannels } = info;
  const share = graph.op('Mul', [images(graph, call.input('dy')), windowShares(graph, info)]);
  if (
    tilesImage(info) &&
    info.outHeight * height === info.inHeight &&
    info.outWidth * width === info.inWidth
  ) {
    return imagesOf(repeatPixels(graph, share, [height, width]), info.inShape);
  }
  const ones = graph.op('Expand', [graph.scalar(1), graph.int64s([inChannels, 1, height, width])]);
  const attributes = { ...windowAttributes(info), group: inChannels, output_padding: outputPadding(info) };
  return imagesOf(graph.op('ConvTranspose', [share, ones], attributes), info.inShape);
}

/** One divided by the pixels that each window covers, [1, 1, H, W]. */
function windowShares(graph: OnnxGraph, info: ConvInfo): string {
  const rows = covered({ out: info.outHeight, in: info.inHeight, stride: info.strideHeight }, [
    info.filterHeight,
    info.padInfo.top,
  ]);
  const columns = covered({ out: info.outWidth, in: info.inWidth, stride: info.strideWidth }, [
    info.filterWidth,
    info.padInfo.left,
  ]);
  const shares = Float32Array.from(rows.flatMap((row) => columns.map((column) => 1 / (row * column))));
  if (shares.every((share) => share === shares[0])) return graph.scalar(shares[0] ?? 1);
  return graph.constant('float32', [1, 1, info.outHeight, info.outWidth], shares);
}

/** How many pixels of one axis lie under each of the windows along it. */
function covered(
  axis: { readonly out: number; readonly in: number; readonly stride: number },
  [length, before]: readonly [number, number],
): number[] {
  return Array.from({ length: axis.out }, (_, index) => {
    const start = index * axis.stride - before;
    return Math.min(start + length, axis.in) - Math.max(start, 0);
  });
}

/** Each pixel of [N, C, H, W] as a block of equal pixels. */
export function repeatPixels(
  graph: OnnxGraph,
  value: string,
  [rows, columns]: readonly [number, number],
): string {
  const scales = graph.constant('float32', [4], Float32Array.of(1, 1, rows, columns));
  return graph.op('Resize', [value, '', scales], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
}

export const POOL: KernelMappings = {
  AvgPool: averagePool,
  AvgPoolGrad: averagePoolGradient,
  MaxPool: maxPool,
  MaxPoolGrad: maxPoolGradient,
};

import type { OnnxGraph } from '../../onnx/graph.ts';
import type { KernelCall, KernelMappings } from '../kernel-call.ts';
import type { SymbolicTensor } from '../symbolic.ts';
import { images, imagesOf, repeatPixels } from './window.ts';

interface ResizeAttributes {
  readonly size: [number, number];
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}

/** Enlarges by whole factors, each pixel becoming a block (`upSampling2d`). */
function resizeNearest(call: KernelCall): SymbolicTensor {
  const x = call.input('images');
  const { size, alignCorners } = call.attributes<ResizeAttributes>();
  const [batch = 1, height = 1, width = 1, channels = 1] = x.shape;
  const [rows, columns] = [size[0] / height, size[1] / width];
  if (alignCorners || !Number.isInteger(rows) || !Number.isInteger(columns)) {
    throw call.unsupported('nearest resizing by other than whole factors');
  }
  const node = repeatPixels(call.graph, images(call.graph, x), [rows, columns]);
  return imagesOf(node, [batch, ...size, channels]);
}

/** Adds up each block. (tfjs 4.22's cpu backend computes this wrongly for more than one image.) */
function resizeNearestGradient(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const [dy, x] = [call.input('dy'), call.input('images')];
  const [batch = 1, height = 1, width = 1, channels = 1] = x.shape;
  const blocks = [batch, channels, height, (dy.shape[1] ?? 1) / height, width, (dy.shape[2] ?? 1) / width];
  const blocked = graph.op('Reshape', [images(graph, dy), graph.int64s(blocks)]);
  return imagesOf(graph.op('ReduceSum', [blocked, graph.int64s([3, 5])], { keepdims: 0 }), x.shape);
}

/** Rows, then columns, are mixed by a matrix each: R X C^T, so that the gradient is R^T dY C. */
function resizeBilinear(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const x = call.input('images');
  const attributes = call.attributes<ResizeAttributes>();
  const [batch = 1, height = 1, width = 1, channels = 1] = x.shape;
  const [rows, columns] = attributes.size;
  const mixRows = mixing(graph, attributes, { from: height, to: rows });
  const mixColumns = mixing(graph, attributes, { from: width, to: columns });
  const mixed = product(graph, [images(graph, x), mixColumns], { transB: 1 });
  return imagesOf(product(graph, [mixRows, mixed]), [batch, rows, columns, channels]);
}

function resizeBilinearGradient(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const [dy, x] = [call.input('dy'), call.input('images')];
  const attributes = call.attributes<ResizeAttributes>();
  const [, height = 1, width = 1] = x.shape;
  const [, rows = 1, columns = 1] = dy.shape;
  const mixRows = mixing(graph, attributes, { from: height, to: rows });
  const mixColumns = mixing(graph, attributes, { from: width, to: columns });
  const mixed = product(graph, [images(graph, dy), mixColumns]);
  return imagesOf(product(graph, [graph.op('Transpose', [mixRows], { perm: [1, 0] }), mixed]), x.shape);
}

function product(graph: OnnxGraph, factors: [string, string], { transB = 0 } = {}): string {
  return graph.op('com.microsoft.FusedMatMul', factors, { transA: 0, transB });
}

/** [to, from]: how much of each old pixel is in each new one, along one axis. */
function mixing(graph: OnnxGraph, by: ResizeAttributes, sizes: { from: number; to: number }): string {
  const { from, to } = sizes;
  const corners = by.alignCorners && to > 1 ? 1 : 0;
  const ratio = (from - corners) / (to - corners);
  const weights = new Float32Array(to * from);
  for (let index = 0; index < to; index++) {
    const place = by.halfPixelCenters ? (index + 0.5) * ratio - 0.5 : index * ratio;
    const inside = Math.min(Math.max(place, 0), from - 1);
    const low = Math.floor(inside);
    const share = inside - low;
    weights[index * from + low] = 1 - share;
    if (share > 0) weights[index * from + low + 1] = share;
  }
  return graph.constant('float32', [to, from], weights);
}

export const RESIZE: KernelMappings = {
  ResizeBilinear: resizeBilinear,
  ResizeBilinearGrad: resizeBilinearGradient,
  ResizeNearestNeighbor: resizeNearest,
  ResizeNearestNeighborGrad: resizeNearestGradient,
};

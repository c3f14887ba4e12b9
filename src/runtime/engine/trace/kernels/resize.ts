import type { KernelCall, KernelMappings } from '../kernel-call.ts';
import type { SymbolicTensor } from '../symbolic.ts';
import { images, imagesOf } from './conv2d.ts';
import { repeatPixels } from './pool.ts';

/** Enlarges by whole factors, each pixel becoming a block (`upSampling2d`). */
function resizeNearest(call: KernelCall): SymbolicTensor {
  const x = call.input('images');
  const { size, alignCorners } = call.attributes<{ size: [number, number]; alignCorners: boolean }>();
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

export const RESIZE: KernelMappings = {
  ResizeNearestNeighbor: resizeNearest,
  ResizeNearestNeighborGrad: resizeNearestGradient,
};

import { elementCount } from '../../../base/tensors/nd-array.ts';
import type { OnnxData, OnnxGraph } from '../onnx/graph.ts';

/** tfjs types that a graph can hold. */
export type SymbolicType = 'float32' | 'int32' | 'bool';

/**
 * A tensor of the traced step: a value of the graph, and how its axes lie there.
 *
 * tfjs thinks of images as [N, H, W, C]; ONNX computes on [N, C, H, W]. Instead of moving data at every step, a value
 * remembers its axis order; operators compute in whatever order their largest operand has, and data is moved only where an
 * operator insists. A transposition costs nothing until then, nor does broadcasting: `dims` may be 1 where `shape` is not.
 */
export interface SymbolicTensor {
  /** Name of the value in the graph. */
  readonly node: string;
  /** As tfjs sees it. */
  readonly shape: readonly number[];
  readonly dtype: SymbolicType;
  /** Axis k of the value is axis `order[k]` of `shape`. */
  readonly order: readonly number[];
  /**
   * Sizes of the value, axis by axis: `shape[order[k]]`, or 1 where it repeats along that axis. When all are 1, the value
   * may have fewer axes than listed, never more.
   */
  readonly dims: readonly number[];
  /** Set for constants made by the host, which tfjs may read back while tracing. */
  readonly values?: OnnxData;
  /** Layer in whose forward pass the value arose. */
  readonly layer?: string;
}

export function identityOrder(rank: number): number[] {
  return Array.from({ length: rank }, (_, axis) => axis);
}

/** [N, spatial..., C] as [N, C, spatial...]. */
export function channelsFirst(rank: number): number[] {
  return [0, rank - 1, ...identityOrder(rank - 2).map((axis) => axis + 1)];
}

export function sameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

/** Sizes of a shape in an axis order. */
export function sizesIn(order: readonly number[], shape: readonly number[]): number[] {
  return order.map((axis) => shape[axis] ?? 1);
}

/** Takes the value to another axis order; moves data only if an axis longer than 1 changes its place. */
export function toOrder(graph: OnnxGraph, tensor: SymbolicTensor, order: readonly number[]): SymbolicTensor {
  if (sameList(tensor.order, order)) return tensor;
  const permutation = order.map((axis) => tensor.order.indexOf(axis));
  const dims = permutation.map((axis) => tensor.dims[axis] ?? 1);
  const moving = permutation.filter((axis) => tensor.dims[axis] !== 1);
  let node = tensor.node;
  if (moving.some((axis, index) => index > 0 && axis < (moving[index - 1] ?? 0))) {
    node = graph.op('Transpose', [node], { perm: permutation });
  } else if (moving.length > 0 && !sameList(dims, tensor.dims)) {
    node = graph.op('Reshape', [node, graph.int64s(dims)]);
  }
  return { ...tensor, node, order: [...order], dims };
}

/** Adds leading axes of length 1, for broadcasting against a tensor of higher rank. */
export function toRank(graph: OnnxGraph, tensor: SymbolicTensor, rank: number): SymbolicTensor {
  const added = rank - tensor.shape.length;
  if (added === 0) return tensor;
  const ones = Array.from({ length: added }, () => 1);
  const dims = [...ones, ...tensor.dims];
  const order = [...identityOrder(added), ...tensor.order.map((axis) => axis + added)];
  const single = elementCount(dims) === 1;
  const node = single ? tensor.node : graph.op('Reshape', [tensor.node, graph.int64s(dims)]);
  return { ...tensor, node, shape: [...ones, ...tensor.shape], order, dims };
}

/** Name of a value that has every element, in the given axis order: what operators other than elementwise ones need. */
export function materialize(
  graph: OnnxGraph,
  tensor: SymbolicTensor,
  order: readonly number[] = identityOrder(tensor.shape.length),
): string {
  const placed = toOrder(graph, tensor, order);
  const sizes = sizesIn(order, placed.shape);
  if (elementCount(placed.dims) === 1 && elementCount(sizes) === 1) {
    return graph.op('Reshape', [placed.node, graph.int64s(sizes)]);
  }
  if (sameList(sizes, placed.dims)) return placed.node;
  // 1 keeps a size as it is, so that the shape names no more than what repeats.
  const repeats = sizes.map((size, axis) => (size === placed.dims[axis] ? 1 : size));
  return graph.op('Expand', [placed.node, graph.int64s(repeats)]);
}

/** Order of the largest operand of full rank; of two equal ones, that which is not tfjs's own. */
export function commonOrder(operands: readonly SymbolicTensor[], rank: number): readonly number[] {
  const plain = identityOrder(rank);
  let [best, bestSize] = [plain as readonly number[], 1];
  for (const { shape, order, dims } of operands) {
    const size = shape.length === rank ? elementCount(dims) : 0;
    if (size > bestSize || (size === bestSize && sameList(best, plain))) [best, bestSize] = [order, size];
  }
  return best;
}

/** A value with every element, in the given order. */
export function whole(
  node: string,
  shape: readonly number[],
  order: readonly number[] = identityOrder(shape.length),
): SymbolicTensor {
  return { node, shape: [...shape], dtype: 'float32', order: [...order], dims: sizesIn(order, shape) };
}

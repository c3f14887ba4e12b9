import { util } from '@tensorflow/tfjs-core';
import { elementCount } from '../../../../base/tensors/nd-array.ts';
import type { OnnxGraph } from '../../onnx/graph.ts';
import type { KernelCall, KernelMappings } from '../kernel-call.ts';
import { reshapedLayout } from '../reshape.ts';
import {
  commonOrder,
  materialize,
  type SymbolicTensor,
  type SymbolicType,
  sameList,
  whole,
} from '../symbolic.ts';

/** Keeps the axis order where the new shape splits or joins neighbouring axes; otherwise goes through tfjs's order. */
export function reshape(graph: OnnxGraph, x: SymbolicTensor, to: readonly number[]): SymbolicTensor {
  const shape = util.inferFromImplicitShape([...to], elementCount(x.shape));
  if (sameList(shape, x.shape)) return x;
  const { values: _, ...rest } = x;
  if (elementCount(x.dims) === 1) {
    const node = graph.op('Reshape', [x.node, graph.int64s([])]);
    const kept = x.values ? x : rest; // a constant stays one
    return { ...kept, node: x.values ? x.node : node, ...singleLayout(shape) };
  }
  const layout = reshapedLayout(x, shape);
  if (!layout) {
    const node = graph.op('Reshape', [materialize(graph, x), graph.int64s(shape)]);
    return { ...whole(node, shape), dtype: x.dtype };
  }
  const node = sameList(layout.dims, x.dims)
    ? x.node
    : graph.op('Reshape', [x.node, graph.int64s(layout.dims)]);
  return { ...rest, node, shape, ...layout };
}

function singleLayout(shape: number[]) {
  return { shape, order: shape.map((_, axis) => axis), dims: shape.map(() => 1) };
}

/** Costs nothing: only the axes' names change. */
function transpose(call: KernelCall): SymbolicTensor {
  const x = call.input('x');
  const { perm } = call.attributes<{ perm: number[] }>();
  const { values: _, ...rest } = x;
  return {
    ...rest,
    shape: perm.map((axis) => x.shape[axis] ?? 1),
    order: x.order.map((axis) => perm.indexOf(axis)),
  };
}

function expandDims(call: KernelCall): SymbolicTensor {
  const x = call.input('input');
  const { dim } = call.attributes<{ dim: number }>();
  const axis = dim < 0 ? x.shape.length + 1 + dim : dim;
  return reshape(call.graph, x, x.shape.toSpliced(axis, 0, 1));
}

function concat(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const [axis = 0] = util.parseAxisParam(call.attributes<{ axis: number }>().axis, [
    ...(call.inputList[0]?.shape ?? []),
  ]);
  const parts = call.inputList.filter((part) => elementCount(part.shape) > 0);
  const [first] = parts;
  if (!first) throw call.unsupported('no input that holds anything');
  const order = commonOrder(parts, first.shape.length);
  const values = parts.map((part) => materialize(graph, part, order));
  const length = parts.reduce((sum, part) => sum + (part.shape[axis] ?? 0), 0);
  const shape = first.shape.with(axis, length);
  const node =
    values.length === 1 ? (values[0] ?? '') : graph.op('Concat', values, { axis: order.indexOf(axis) });
  return { ...whole(node, shape, order), dtype: first.dtype };
}

/** Elements `begin` to `begin + size` of each axis. */
export function sliceOf(
  graph: OnnxGraph,
  x: SymbolicTensor,
  range: { begin: number[]; size: number[] },
): SymbolicTensor {
  const cut = x.order.flatMap((axis, place) => (range.size[axis] === x.shape[axis] ? [] : [{ axis, place }]));
  if (cut.length === 0) return x;
  const starts = cut.map(({ axis }) => range.begin[axis] ?? 0);
  const ends = cut.map(({ axis }, index) => (starts[index] ?? 0) + (range.size[axis] ?? 0));
  const places = cut.map(({ place }) => place);
  const inputs = [starts, ends, places].map((list) => graph.int64s(list));
  const node = graph.op('Slice', [materialize(graph, x, x.order), ...inputs]);
  return { ...whole(node, range.size, x.order), dtype: x.dtype };
}

function slice(call: KernelCall): SymbolicTensor {
  const x = call.input('x');
  const { begin, size } = call.attributes<{ begin: number[]; size: number[] }>();
  const sizes = size.map((length, axis) => (length < 0 ? (x.shape[axis] ?? 0) - (begin[axis] ?? 0) : length));
  return sliceOf(call.graph, x, { begin, size: sizes });
}

/** The gradient of concatenation. */
function split(call: KernelCall): SymbolicTensor[] {
  const x = call.input('x');
  const attributes = call.attributes<{ numOrSizeSplits: number[] | number; axis: number }>();
  const [axis = 0] = util.parseAxisParam(attributes.axis, [...x.shape]);
  const length = x.shape[axis] ?? 0;
  const { numOrSizeSplits: by } = attributes;
  const sizes = typeof by === 'number' ? Array.from({ length: by }, () => length / by) : by;
  let start = 0;
  return sizes.map((given) => {
    const size = given < 0 ? length - sizes.reduce((sum, other) => sum + Math.max(other, 0), 0) : given;
    const begin = x.shape.map((_, index) => (index === axis ? start : 0));
    start += size;
    return sliceOf(call.graph, x, { begin, size: x.shape.with(axis, size) });
  });
}

function pad(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const x = call.input('x');
  const attributes = call.attributes<{ paddings: [number, number][]; constantValue: number }>();
  const before = x.order.map((axis) => attributes.paddings[axis]?.[0] ?? 0);
  const after = x.order.map((axis) => attributes.paddings[axis]?.[1] ?? 0);
  const inputs = [materialize(graph, x, x.order), graph.int64s([...before, ...after])];
  const node = graph.op('Pad', [...inputs, graph.scalar(attributes.constantValue)], { mode: 'constant' });
  const shape = x.shape.map(
    (size, axis) => size + (attributes.paddings[axis] ?? [0, 0]).reduce((a, b) => a + b),
  );
  return whole(node, shape, x.order);
}

/** Repeating an axis of length 1 costs nothing. */
function tile(call: KernelCall): SymbolicTensor {
  const x = call.input('x');
  const { reps } = call.attributes<{ reps: number[] }>();
  const shape = x.shape.map((size, axis) => size * (reps[axis] ?? 1));
  if (x.shape.every((size, axis) => size === 1 || reps[axis] === 1)) {
    const { values: _, ...rest } = x;
    return { ...rest, shape };
  }
  const repeats = call.graph.int64s(x.order.map((axis) => reps[axis] ?? 1));
  const node = call.graph.op('Tile', [materialize(call.graph, x, x.order), repeats]);
  return { ...whole(node, shape, x.order), dtype: x.dtype };
}

/** A constant of any shape, held as one element. */
export function filled(
  graph: OnnxGraph,
  value: number,
  as: { shape: readonly number[]; dtype: SymbolicType },
) {
  const values = { float32: Float32Array, int32: Int32Array, bool: Uint8Array }[as.dtype].of(value);
  return {
    node: graph.constant(as.dtype, [], values),
    dtype: as.dtype,
    ...singleLayout([...as.shape]),
    values,
  };
}

function like(value: number) {
  return (call: KernelCall): SymbolicTensor => filled(call.graph, value, call.input('x'));
}

function fill(call: KernelCall): SymbolicTensor {
  const { shape, value, dtype } = call.attributes<{ shape: number[]; value: number; dtype?: SymbolicType }>();
  return filled(call.graph, value, { shape, dtype: dtype ?? 'float32' });
}

export const SHAPE: KernelMappings = {
  Concat: concat,
  ExpandDims: expandDims,
  Fill: fill,
  OnesLike: like(1),
  PadV2: pad,
  Reshape: (call) => reshape(call.graph, call.input('x'), call.attributes<{ shape: number[] }>().shape),
  Slice: slice,
  SplitV: split,
  Tile: tile,
  Transpose: transpose,
  ZerosLike: like(0),
};

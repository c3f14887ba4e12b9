import { util } from '@tensorflow/tfjs-core';
import { elementCount } from '../../../../base/tensors/nd-array.ts';
import type { OnnxGraph } from '../../onnx/graph.ts';
import type { KernelCall, KernelMappings } from '../kernel-call.ts';
import { materialize, type SymbolicTensor, type SymbolicType, whole } from '../symbolic.ts';
import { reshape, sliceOf } from './shape.ts';

/** Picks along one axis; an index outside the axis is an error of ONNX Runtime, in tfjs it picks 0. */
function gather(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const [x, indices] = [call.input('x'), call.input('indices')];
  const { axis: given, batchDims } = call.attributes<{ axis: number; batchDims: number }>();
  if (batchDims !== 0) throw call.unsupported('batch dimensions');
  const [axis = 0] = util.parseAxisParam(given, [...x.shape]);
  const node = graph.op('Gather', [materialize(graph, x), materialize(graph, indices)], { axis });
  return { ...whole(node, x.shape.toSpliced(axis, 1, ...indices.shape)), dtype: x.dtype };
}

/** The gradient of picking: rows with the same index are added up, in their order. */
function segmentSum(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const [x, ids] = [call.input('x'), call.input('segmentIds')];
  const { numSegments } = call.attributes<{ numSegments: number }>();
  const [rows = 1, ...rest] = x.shape;
  if (ids.shape.length !== 1) throw call.unsupported(`segments of rank ${ids.shape.length}`);
  const size = elementCount(rest);
  const column = graph.op('Reshape', [materialize(graph, ids), graph.int64s([rows, 1])]);
  const places = graph.op('Expand', [column, graph.int64s([rows, size])]);
  const values = graph.op('Reshape', [materialize(graph, x), graph.int64s([rows, size])]);
  const zeros = graph.op('Expand', [graph.scalar(0), graph.int64s([numSegments, size])]);
  const sums = graph.op('ScatterElements', [zeros, places, values], { axis: 0, reduction: 'add' });
  const shape = [numSegments, ...rest];
  return whole(graph.op('Reshape', [sums, graph.int64s(shape)]), shape);
}

/** Element types by ONNX's numbers. */
const INT32 = 6;
const INT64 = 7;

function oneHot(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const indices = call.input('indices');
  const { depth, onValue, offValue, dtype } = call.attributes<{
    depth: number;
    onValue: number;
    offValue: number;
    dtype?: SymbolicType;
  }>();
  const values = graph.constant('float32', [2], Float32Array.of(offValue, onValue));
  const places = graph.op('Cast', [materialize(graph, indices)], { to: INT64 });
  const codes = whole(graph.op('OneHot', [places, graph.int64s([depth]), values], { axis: -1 }), [
    ...indices.shape,
    depth,
  ]);
  if (dtype === undefined || dtype === 'float32') return codes;
  if (dtype === 'bool') throw call.unsupported('type bool');
  return { ...codes, node: graph.op('Cast', [codes.node], { to: INT32 }), dtype };
}

/** Index of the first of equal extremes. */
function argExtreme(type: 'ArgMax' | 'ArgMin') {
  return (call: KernelCall): SymbolicTensor => {
    const { graph } = call;
    const x = call.input('x');
    const [axis = 0] = util.parseAxisParam(call.attributes<{ axis: number }>().axis, [...x.shape]);
    const index = graph.op(type, [materialize(graph, x)], { axis, keepdims: 0, select_last_index: 0 });
    const node = graph.op('Cast', [index], { to: INT32 });
    return { ...whole(node, x.shape.toSpliced(axis, 1)), dtype: 'int32' };
  };
}

function reverse(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const x = call.input('x');
  const axes = util.parseAxisParam(call.attributes<{ dims: number | number[] }>().dims, [...x.shape]);
  const places = axes.map((axis) => x.order.indexOf(axis));
  const range = [
    axes.map(() => -1),
    axes.map((axis) => -(x.shape[axis] ?? 1) - 1),
    places,
    axes.map(() => -1),
  ].map((list) => graph.int64s(list));
  const node = graph.op('Slice', [materialize(graph, x, x.order), ...range]);
  return { ...whole(node, x.shape, x.order), dtype: x.dtype };
}

/** Joins tensors along a new axis. */
function pack(call: KernelCall): SymbolicTensor {
  const { graph, inputList: parts } = call;
  const [first] = parts;
  if (!first) throw call.unsupported('no input');
  const { axis } = call.attributes<{ axis: number }>();
  const at = axis < 0 ? axis + first.shape.length + 1 : axis;
  const values = parts.map((part) =>
    materialize(graph, reshape(graph, part, part.shape.toSpliced(at, 0, 1))),
  );
  const node = graph.op('Concat', values, { axis: at });
  return { ...whole(node, first.shape.toSpliced(at, 0, parts.length)), dtype: first.dtype };
}

/** Cuts an axis into tensors without it. */
function unpack(call: KernelCall): SymbolicTensor[] {
  const { graph } = call;
  const x = call.input('value');
  const [axis = 0] = util.parseAxisParam(call.attributes<{ axis: number }>().axis, [...x.shape]);
  return Array.from({ length: x.shape[axis] ?? 0 }, (_, index) => {
    const begin = x.shape.map((_size, other) => (other === axis ? index : 0));
    const part = sliceOf(graph, x, { begin, size: x.shape.with(axis, 1) });
    return reshape(graph, part, x.shape.toSpliced(axis, 1));
  });
}

/** Picks by mirrored indices, one padded axis after the other; `symmetric` repeats the edge, `reflect` does not. */
function mirrorPad(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const x = call.input('x');
  const { paddings, mode } = call.attributes<{ paddings: [number, number][]; mode: string }>();
  let node = materialize(graph, x, x.order);
  const shape = x.shape.map((size, axis) => {
    const [before, after] = paddings[axis] ?? [0, 0];
    if (before + after > 0) {
      const indices = mirrored(graph, size, { before, after, edge: mode === 'symmetric' ? 1 : 0 });
      node = graph.op('Gather', [node, indices], { axis: x.order.indexOf(axis) });
    }
    return size + before + after;
  });
  return { ...whole(node, shape, x.order), dtype: x.dtype };
}

function mirrored(
  graph: OnnxGraph,
  size: number,
  by: { before: number; after: number; edge: 0 | 1 },
): string {
  const indices = Array.from({ length: by.before + size + by.after }, (_, index) => {
    const place = index - by.before;
    if (place < 0) return -place - by.edge;
    return place < size ? place : 2 * (size - 1) - place + by.edge;
  });
  return graph.int64s(indices);
}

export const GATHER: KernelMappings = {
  ArgMax: argExtreme('ArgMax'),
  ArgMin: argExtreme('ArgMin'),
  GatherV2: gather,
  MirrorPad: mirrorPad,
  OneHot: oneHot,
  Pack: pack,
  Reverse: reverse,
  Unpack: unpack,
  UnsortedSegmentSum: segmentSum,
};

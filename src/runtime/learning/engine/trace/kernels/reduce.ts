import { backend_util, util } from '@tensorflow/tfjs-core';
import { elementCount } from '../../../../base/tensors/nd-array.ts';
import type { OnnxGraph } from '../../onnx/graph.ts';
import type { KernelCall, KernelMapping, KernelMappings } from '../kernel-call.ts';
import { identityOrder, materialize, type SymbolicTensor, sameList, whole } from '../symbolic.ts';
import { elementwise } from './elementwise.ts';
import { innerProduct } from './products.ts';
import { filled } from './shape.ts';
import { noteSum } from './sums.ts';

interface ReductionAttributes {
  readonly axis?: number | number[] | null;
  /** What `Max` calls its axes. */
  readonly reductionIndices?: number | number[];
  readonly keepDims?: boolean;
}

/** A reduction over axes, in whatever order the axes lie. Repeated values (dims of 1) are reduced without being made. */
function reduction(
  type: 'ReduceSum' | 'ReduceMean' | 'ReduceMax' | 'ReduceMin' | 'ReduceProd',
): KernelMapping {
  return (call) => {
    const x = call.input('x');
    const { axis, reductionIndices, keepDims } = call.attributes<ReductionAttributes>();
    const given = axis ?? reductionIndices;
    const axes = given == null ? identityOrder(x.shape.length) : util.parseAxisParam(given, [...x.shape]);
    if (type === 'ReduceProd' && !sameList(x.dims, whole(x.node, x.shape, x.order).dims)) {
      throw call.unsupported('repeated values');
    }
    const reduced = reduceAxes(call, { type, x, axes, keepDims: keepDims ?? false });
    return type === 'ReduceSum' ? timesRepeats(call.graph, reduced, { x, axes }) : reduced;
  };
}

interface Reduction {
  readonly type: string;
  readonly x: SymbolicTensor;
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

function reduceAxes(call: KernelCall, { type, x, axes, keepDims }: Reduction): SymbolicTensor {
  const { graph } = call;
  const isReduced = (axis: number) => axes.includes(axis);
  const places = x.order.flatMap((axis, place) => (isReduced(axis) ? [place] : []));
  const single = elementCount(x.dims) === 1;
  const node = single
    ? graph.op('Reshape', [x.node, graph.int64s([])])
    : reduce(call, type, { x, places, keepDims });
  const [kept] = backend_util.computeOutAndReduceShapes([...x.shape], [...axes]);
  if (keepDims) {
    const dims = x.dims.map((size, place) => (places.includes(place) ? 1 : size));
    const shape = backend_util.expandShapeToKeepDim(kept, [...axes]);
    return { node, shape, dtype: x.dtype, order: x.order, dims };
  }
  const order = x.order.filter((axis) => !isReduced(axis));
  const renumbered = order.map((axis) => axis - axes.filter((reduced) => reduced < axis).length);
  const dims = x.dims.filter((_, place) => !places.includes(place));
  return { node, shape: kept, dtype: x.dtype, order: renumbered, dims };
}

function reduce(
  call: KernelCall,
  type: string,
  of: { x: SymbolicTensor; places: number[]; keepDims: boolean },
): string {
  const { x, places, keepDims } = of;
  if (places.length === 0) return x.node;
  const product = type === 'ReduceSum' ? innerProduct(call, of) : undefined;
  if (product !== undefined) return product;
  const reduced = call.graph.op(type, [x.node, call.graph.int64s(places)], { keepdims: keepDims ? 1 : 0 });
  if (type === 'ReduceSum')
    noteSum(call.graph, call.notes.sums, { sum: reduced, of: x.node, dims: x.dims, places, keepDims });
  return reduced;
}

/** A sum over an axis along which the value repeats is the value times its length. */
function timesRepeats(graph: OnnxGraph, sum: SymbolicTensor, from: { x: SymbolicTensor; axes: number[] }) {
  const { x, axes } = from;
  const repeated = axes.filter((axis) => x.dims[x.order.indexOf(axis)] === 1);
  const times = elementCount(repeated.map((axis) => x.shape[axis] ?? 1));
  if (times === 1) return sum;
  return {
    ...sum,
    node: graph.op('Mul', [sum.node, filled(graph, times, { shape: [], dtype: sum.dtype }).node]),
  };
}

/** Whether any, or every, element along axes is true. */
function logical(type: 'ReduceMax' | 'ReduceMin'): KernelMapping {
  return (call) => {
    const x = call.input('x');
    const { axis, keepDims } = call.attributes<ReductionAttributes>();
    const axes = axis == null ? identityOrder(x.shape.length) : util.parseAxisParam(axis, [...x.shape]);
    const numbers = { ...x, node: call.graph.op('Cast', [x.node], { to: 1 }) };
    const reduced = reduceAxes(call, { type, x: numbers, axes, keepDims: keepDims ?? false });
    return { ...reduced, node: call.graph.op('Cast', [reduced.node], { to: 9 }), dtype: 'bool' };
  };
}

function softmax(call: KernelCall): SymbolicTensor {
  const logits = call.input('logits');
  const node = call.graph.op('Softmax', [materialize(call.graph, logits)], { axis: -1 });
  return whole(node, logits.shape);
}

/** y = (x - mean) / sqrt(variance + epsilon) * scale + offset. */
function batchNormalization(call: KernelCall): SymbolicTensor {
  const parts = ['mean', 'variance', 'scale', 'offset'].map((name) => call.optionalInput(name));
  const perChannel = parts.every((part) => part === undefined || part.shape.length === 1);
  return perChannel ? channelNormalization(call) : broadcastNormalization(call);
}

/** With a mean and so on for every element, as layer normalisation has it. */
function broadcastNormalization(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const { varianceEpsilon } = call.attributes<{ varianceEpsilon: number }>();
  const combine = (type: string, ...operands: SymbolicTensor[]) =>
    elementwise(graph, { type, operands, dtype: 'float32' });
  const [scale, offset] = [call.optionalInput('scale'), call.optionalInput('offset')];
  const variance = call.input('variance');
  const padded = graph.op('Add', [variance.node, graph.scalar(varianceEpsilon)]);
  const deviation = { ...variance, node: graph.op('Sqrt', [padded]) };
  const normal = combine('Div', combine('Sub', call.input('x'), call.input('mean')), deviation);
  const scaled = scale ? combine('Mul', normal, scale) : normal;
  return offset ? combine('Add', scaled, offset) : scaled;
}

/** With a mean and so on for each channel: one operator, in its axis order. */
function channelNormalization(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const x = call.input('x');
  const { varianceEpsilon } = call.attributes<{ varianceEpsilon: number }>();
  const channel = [x.shape.at(-1) ?? 1];
  const vector = (name: string, fallback: number) => {
    const tensor = call.optionalInput(name);
    return tensor
      ? materialize(graph, tensor)
      : graph.op('Expand', [graph.scalar(fallback), graph.int64s(channel)]);
  };
  const channelPlace = x.shape.length - 1;
  const order = [0, channelPlace, ...identityOrder(channelPlace).slice(1)];
  const inputs = [vector('scale', 1), vector('offset', 0), vector('mean', 0), vector('variance', 1)];
  const node = graph.op('BatchNormalization', [materialize(graph, x, order), ...inputs], {
    epsilon: { float: varianceEpsilon },
  });
  return whole(node, x.shape, order);
}

export const REDUCE: KernelMappings = {
  All: logical('ReduceMin'),
  Any: logical('ReduceMax'),
  FusedBatchNorm: batchNormalization,
  Max: reduction('ReduceMax'),
  Mean: reduction('ReduceMean'),
  Min: reduction('ReduceMin'),
  Prod: reduction('ReduceProd'),
  Softmax: softmax,
  Sum: reduction('ReduceSum'),
};

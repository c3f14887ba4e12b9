import { elementCount } from '../../../../base/tensors/nd-array.ts';
import type { OnnxGraph } from '../../onnx/graph.ts';
import type { TraceNotes } from '../kernel-call.ts';

/** Notes of sums over a batch, for whoever wants them unit by unit: what was added up is still there. */

interface Sum {
  readonly sum: string;
  /** What was summed, with its sizes. */
  readonly of: string;
  readonly dims: readonly number[];
  /** Axes that were summed. */
  readonly places: readonly number[];
  readonly keepDims: boolean;
}

/** A sum over the axis of the examples, and maybe others. */
export function noteSum(
  graph: OnnxGraph,
  sums: TraceNotes['sums'],
  { sum, of, dims, places, keepDims }: Sum,
): void {
  // Axes of length 1 may lie before it.
  const first = dims.findIndex((size) => size !== 1);
  if (first === -1 || !places.includes(first)) return;
  const [examples = 1, ...others] = dims.slice(first);
  const isSummed = (place: number) => places.includes(place);
  const shape = keepDims
    ? dims.map((size, place) => (isSummed(place) ? 1 : size))
    : dims.filter((_, place) => !isSummed(place));
  const each = (units: number) => {
    if (examples % units !== 0) return undefined;
    const apart = graph.op('Reshape', [of, graph.int64s([units, examples / units, ...others])]);
    const inner = others.flatMap((size, at) => (isSummed(first + 1 + at) && size !== 1 ? [at + 2] : []));
    const axes = [...(examples > units ? [1] : []), ...inner];
    const value =
      axes.length === 0 ? apart : graph.op('ReduceSum', [apart, graph.int64s(axes)], { keepdims: 0 });
    return graph.op('Reshape', [value, graph.int64s([units, elementCount(shape)])]);
  };
  sums.set(sum, { shape, each });
}

interface Product {
  readonly sum: string;
  /** [depth, rows] and [depth, columns], examples along the depth. */
  readonly factors: readonly string[];
  readonly depth: number;
  /** Of the product; before its rows and columns there may be axes of length 1. */
  readonly shape: readonly number[];
}

/** A product of matrices that adds up over its inner axis, which has the examples. */
export function noteProduct(
  graph: OnnxGraph,
  sums: TraceNotes['sums'],
  { sum, factors: [a = '', b = ''], depth, shape }: Product,
): void {
  const [rows = 1, columns = 1] = shape.slice(-2);
  const each = (units: number) => {
    if (depth % units !== 0) return undefined;
    const part = (factor: string, sizes: readonly number[]) =>
      graph.op('Reshape', [factor, graph.int64s([units, ...sizes])]);
    const inner = depth / units;
    const value =
      inner === 1
        ? graph.op('Mul', [part(a, [rows, 1]), part(b, [1, columns])])
        : graph.op('com.microsoft.FusedMatMul', [part(a, [inner, rows]), part(b, [inner, columns])], {
            transA: 1,
            transB: 0,
          });
    return graph.op('Reshape', [value, graph.int64s([units, rows * columns])]);
  };
  sums.set(sum, { shape, each });
}

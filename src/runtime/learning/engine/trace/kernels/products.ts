import { elementCount } from '../../../../base/tensors/nd-array.ts';
import type { KernelCall } from '../kernel-call.ts';
import { type SymbolicTensor, sameList, toOrder, toRank } from '../symbolic.ts';
import { noteSum } from './sums.ts';

/**
 * Operators that take a product and what follows it in one pass over memory. ONNX Runtime has no compiler that would
 * fuse elementwise operators on a CPU, and passes over large tensors are what normalisation costs.
 */

/** Below so many elements a row, one pass costs more to call than it saves. */
const LEAST_ROW = 512;

/**
 * x * scale + shift, where scale and shift are one number for each channel, or for each channel of each example: the operator
 * of batch normalisation does that in one pass.
 * @param sign of the shift
 * @returns nothing where the operands are of another form
 */
export function affine(
  call: KernelCall,
  operands: { product: SymbolicTensor; shift: SymbolicTensor; sign?: 1 | -1 },
): SymbolicTensor | undefined {
  const { graph } = call;
  const { product, shift, sign = 1 } = operands;
  const rank = product.shape.length;
  const factors = call.notes.products.get(product.node);
  if (!factors || !sameList(factors[0].order, product.order) || shift.shape.length > rank) return undefined;
  const placed = toOrder(graph, toRank(graph, shift, rank), product.order);
  const [big, scale] = isWhole(factors[0]) ? factors : factors.toReversed();
  if (!big || !scale || !isWhole(big) || !sameList(big.dims, product.dims)) return undefined;
  const small = [scale, placed];
  const fits = small.every(
    ({ dims }) =>
      sameList(dims.slice(2), ones(rank - 2)) &&
      dims.every((size, place) => [1, big.dims[place]].includes(size)),
  );
  const [batch = 1, channels = 1, ...spatial] = big.dims;
  if (!fits || elementCount(spatial) < LEAST_ROW || small.every(({ dims }) => elementCount(dims) === 1))
    return undefined;

  const examples = small.every(({ dims }) => dims[0] === 1) ? 1 : batch;
  if (call.forInference && examples > 1) return undefined; // which an exported graph must not count
  const count = examples * channels;
  const vector = ({ node, dims }: SymbolicTensor) => {
    const sizes = graph.int64s([examples, channels, ...ones(rank - 2)]);
    const full = elementCount(dims) === count ? node : graph.op('Expand', [node, sizes]);
    return graph.op('Reshape', [full, graph.int64s([count])]);
  };
  const fill = (value: number) => graph.op('Expand', [graph.scalar(value), graph.int64s([count])]);
  const bias = vector(placed);
  const inputs = [vector(scale), sign === 1 ? bias : graph.op('Neg', [bias]), fill(0), fill(1)];
  const flat = graph.op('Reshape', [big.node, graph.int64s([batch / examples, count, ...spatial])]);
  const node = graph.op('BatchNormalization', [flat, ...inputs], { epsilon: { float: 0 } });
  return { ...big, dtype: 'float32', node: graph.op('Reshape', [node, graph.int64s(big.dims)]) };
}

/**
 * The sum of a product over the innermost axes, as one inner product a row: half the passes, and more exact than the
 * sum of squares of ONNX Runtime. Leading axes among `places` are summed afterwards.
 * @returns nothing where the value is no such product, or its rows are short
 */
export function innerProduct(
  call: KernelCall,
  of: { x: SymbolicTensor; places: readonly number[]; keepDims: boolean },
): string | undefined {
  const { graph } = call;
  const { x, places } = of;
  if (call.forInference) return undefined; // exported graphs use standard operators only
  const factors = call.notes.products.get(x.node);
  if (!factors?.every(({ dims, order }) => sameList(dims, x.dims) && sameList(order, x.order)))
    return undefined;
  const outer = x.dims.findLastIndex((_, place) => !places.includes(place)) + 1;
  const length = elementCount(x.dims.slice(outer));
  if (length < LEAST_ROW) return undefined;
  const lead = x.dims.slice(0, outer);
  const rows = graph.int64s([elementCount(lead), 1, length]);
  const [a, b] = factors.map(({ node }) => graph.op('Reshape', [node, rows]));
  const product = graph.op('com.microsoft.FusedMatMul', [a ?? '', b ?? ''], { transA: 0, transB: 1 });
  const kept = of.keepDims ? [...lead, ...ones(x.dims.length - outer)] : lead;
  const sums = graph.op('Reshape', [product, graph.int64s(kept)]);
  const others = places.filter((place) => place < outer);
  if (others.length === 0) return sums;
  const sum = graph.op('ReduceSum', [sums, graph.int64s(others)], { keepdims: of.keepDims ? 1 : 0 });
  noteSum(graph, call.notes.sums, { sum, of: sums, dims: kept, places: others, keepDims: of.keepDims });
  return sum;
}

function isWhole({ dims, shape }: SymbolicTensor): boolean {
  return elementCount(dims) === elementCount(shape);
}

function ones(count: number): number[] {
  return Array.from({ length: count }, () => 1);
}

import { elementCount } from '../../../base/tensors/nd-array.ts';
import type { OnnxGraph, OnnxNode } from '../onnx/graph.ts';
import type { TraceNotes } from './kernel-call.ts';

/**
 * Gradients of units, from a graph that has their sum: each sum over the batch is there with what was added up, so that it is clipped
 * unit by unit and added up again. Nothing is computed twice.
 */

/** A sum over the batch among what a gradient is made of. */
interface Root {
  /** [units, size]. */
  readonly each: string;
  readonly shape: readonly number[];
}

/** How a gradient is made of sums: by moving their numbers about. */
type Way =
  | { readonly root: Root }
  | { readonly node: OnnxNode; readonly from: readonly Way[]; readonly rest: readonly string[] };

export class UndoneSums {
  readonly #graph: OnnxGraph;
  readonly #sums: TraceNotes['sums'];
  readonly #units: number;
  readonly #roots = new Map<string, Root>();
  readonly #squares = new Map<Root, string>();
  readonly #clipped = new Map<Root, string>();

  constructor(graph: OnnxGraph, sums: TraceNotes['sums'], units: number) {
    this.#graph = graph;
    this.#sums = sums;
    this.#units = units;
  }

  /** How a value is made of sums over the batch; undefined where it is something else. */
  wayTo(value: string): Way | undefined {
    const root = this.#rootAt(value);
    if (root) return { root };
    const node = this.#graph.producer(value);
    if (!node || !MOVES.includes(node.type)) return undefined;
    const [moved, rest] =
      node.type === 'Concat' ? [node.inputs, []] : [node.inputs.slice(0, 1), node.inputs.slice(1)];
    const from = moved.flatMap((input) => this.wayTo(input) ?? []);
    return from.length === moved.length ? { node, from, rest } : undefined;
  }

  /**
   * Norms [units, 1] of all gradients of a unit together. A sum that two parameters have in common counts for each of them: equal values are one
   * node of the graph.
   */
  norms(ways: readonly Way[]): string {
    const squares = ways.flatMap(rootsOf).map((root) => this.#squaresOf(root));
    const [only = ''] = squares;
    return this.#graph.op('Sqrt', [squares.length === 1 ? only : this.#graph.op('Sum', squares)]);
  }

  /** The gradient at the end of a way, each unit's times its factor [units, 1], rounded, and added up. */
  rounded(way: Way, factor: string): string {
    const graph = this.#graph;
    if (!('root' in way)) {
      const from = way.from.map((one) => this.rounded(one, factor));
      return graph.op(way.node.type, [...from, ...way.rest], way.node.attributes);
    }
    const known = this.#clipped.get(way.root);
    if (known !== undefined) return known;
    const each = graph.op('Round', [graph.op('Mul', [way.root.each, factor])]);
    const sum = graph.op('ReduceSum', [each, graph.int64s([0])], { keepdims: 0 });
    const made = graph.op('Reshape', [sum, graph.int64s(way.root.shape)]);
    this.#clipped.set(way.root, made);
    return made;
  }

  #rootAt(value: string): Root | undefined {
    const known = this.#roots.get(value);
    if (known) return known;
    const root = this.#noted(value) ?? this.#combined(value);
    if (root) this.#roots.set(value, root);
    return root;
  }

  /** A sum that was noted when it was made, where the batch falls into units. */
  #noted(value: string): Root | undefined {
    const sum = this.#sums.get(value);
    const each = sum?.each(this.#units);
    return sum && each !== undefined ? { each, shape: sum.shape } : undefined;
  }

  /** A weight that is used twice has a gradient that is a sum of two: they are added unit by unit, before the norm. */
  #combined(value: string): Root | undefined {
    const node = this.#graph.producer(value);
    if (!node || !COMBINED.includes(node.type)) return undefined;
    const whole = this.#apart(value);
    if (!whole) return undefined;
    const rows = this.#graph.int64s([this.#units, elementCount(whole.shape)]);
    return { each: this.#graph.op('Reshape', [whole.value, rows]), shape: whole.shape };
  }

  /** A value of the graph with an axis of units before it. */
  #apart(value: string): { readonly value: string; readonly shape: readonly number[] } | undefined {
    const graph = this.#graph;
    const before = (shape: readonly number[]) => graph.int64s([this.#units, ...shape]);
    const noted = this.#noted(value);
    if (noted) return { value: graph.op('Reshape', [noted.each, before(noted.shape)]), shape: noted.shape };
    const node = graph.producer(value);
    const [first = '', second = ''] = node?.inputs ?? [];
    const from = this.#isOne(first) ? undefined : node && this.#apart(first);
    if (!node || !from) return undefined;
    switch (node.type) {
      case 'Identity':
        return from;
      case 'Reshape': {
        const shape = graph.listOf(second);
        const open = shape && elementCount(from.shape) / Math.abs(elementCount(shape));
        const sizes = shape?.map((size) => (size === -1 ? (open ?? 1) : size));
        return sizes && { value: graph.op('Reshape', [from.value, before(sizes)]), shape: sizes };
      }
      case 'Transpose': {
        const perm = [node.attributes.perm].flat().map(Number);
        const moved = graph.op('Transpose', [from.value], { perm: [0, ...perm.map((axis) => axis + 1)] });
        return { value: moved, shape: perm.map((axis) => from.shape[axis] ?? 1) };
      }
      case 'Concat': {
        const parts = node.inputs.flatMap((one) => this.#apart(one) ?? []);
        const axis = Number(node.attributes.axis);
        if (parts.length < node.inputs.length || axis < 0) return undefined;
        const length = parts.reduce((sum, { shape }) => sum + (shape[axis] ?? 1), 0);
        const values = parts.map((part) => part.value);
        return {
          value: graph.op('Concat', values, { axis: axis + 1 }),
          shape: from.shape.with(axis, length),
        };
      }
      case 'Mul':
      case 'Div':
        return this.#isOne(second)
          ? { ...from, value: graph.op(node.type, [from.value, second]) }
          : undefined;
      case 'Add':
      case 'Sub': {
        const other = this.#apart(second);
        const isAlike = other && other.shape.join() === from.shape.join();
        return isAlike ? { ...from, value: graph.op(node.type, [from.value, other.value]) } : undefined;
      }
      default:
        return undefined;
    }
  }

  #isOne(value: string): boolean {
    return this.#graph.isNumber(value);
  }

  /** [units, 1]: by rows first, so that float32 errs by far less than one part in 10,000, however many numbers there are. */
  #squaresOf(root: Root): string {
    const known = this.#squares.get(root);
    if (known !== undefined) return known;
    const graph = this.#graph;
    const made = squaresOf(graph, root.each, { units: this.#units, size: elementCount(root.shape) });
    this.#squares.set(root, made);
    return made;
  }
}

/** Sums of squares [units, 1] of values [units, size], by rows first. */
export function squaresOf(
  graph: OnnxGraph,
  each: string,
  { units, size }: { units: number; size: number },
): string {
  const row = rowOf(size);
  const rows = graph.op('Reshape', [each, graph.int64s([units, size / row, row])]);
  const sums = graph.op('ReduceSumSquare', [rows, graph.int64s([2])], { keepdims: 0 });
  return graph.op('ReduceSum', [sums, graph.int64s([1])], { keepdims: 1 });
}

/** The largest divisor that is not over the root. */
function rowOf(size: number): number {
  let row = Math.floor(Math.sqrt(size));
  while (size % row !== 0) row--;
  return size / row;
}

const MOVES: readonly string[] = ['Reshape', 'Transpose', 'Identity', 'Concat'];
const COMBINED: readonly string[] = ['Add', 'Sub', 'Mul', 'Div'];

function rootsOf(way: Way): readonly Root[] {
  return 'root' in way ? [way.root] : way.from.flatMap(rootsOf);
}

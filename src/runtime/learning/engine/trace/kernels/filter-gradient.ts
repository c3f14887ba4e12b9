import { elementCount } from '../../../../base/tensors/nd-array.ts';
import type { OnnxGraph } from '../../onnx/graph.ts';
import type { TraceNotes } from '../kernel-call.ts';
import { noteSum } from './sums.ts';
import { joined, padded, type Window } from './window.ts';

export interface FilterGradient {
  readonly window: Window;
  /** Images or volumes, channels first. */
  readonly x: string;
  readonly dy: string;
  /** Each channel has filters of its own: `outChannels / inChannels` of them. */
  readonly depthwise: boolean;
  /** Where sums over images are noted. */
  readonly sums: TraceNotes['sums'];
}

/** The problem as rows of pixels: all spatial axes but the last make one axis of rows. */
interface Form {
  readonly images: number;
  readonly channels: number;
  /** Of each channel where `depthwise`, else of all. */
  readonly outputs: number;
  readonly depthwise: boolean;
  /** Which padded row each place of the filter sees, output row by output row. */
  readonly rows: readonly number[];
  readonly paddedRows: number;
  readonly outputRows: number;
  /** Places of the filter along the rows' axis, and along a row. */
  readonly rowPlaces: number;
  readonly columnPlaces: number;
  readonly sums: TraceNotes['sums'];
  readonly stride: number;
  readonly outputColumns: number;
}

/**
 * dW = sum over images and positions of x, as the filter's place sees it, times dy: a matrix product for each place. What
 * costs is to lay x out as the places see it. Rows (of a volume: rows of all its slices) are picked for all places by
 * one Gather, whatever strides and dilations are. Along a row either x is moved, or dy the other way: what is less to do.
 *
 * @returns [spatial..., C, K], for depthwise ones [spatial..., C, multiplier]
 */
export function filterGradient(graph: OnnxGraph, of: FilterGradient): string {
  const form = formOf(of);
  const moves = movesOfGradient(of.window);
  const ordered =
    moves && isLessToDo(form) ? gradientMoved(graph, of, { form, moves }) : imagesMoved(graph, of, form);
  return graph.op('Reshape', [ordered, graph.int64s([...of.window.filter, form.channels, form.outputs])]);
}

function formOf({ window, depthwise, sums }: FilterGradient): Form {
  const { filter, strides, dilations, before, after, input, output } = window;
  const lengths = input.map((size, axis) => size + (before[axis] ?? 0) + (after[axis] ?? 0)).slice(0, -1);
  // From the innermost of the row axes outwards: indices of rows, place by place and then output by output.
  const rows = placesOf(filter.slice(0, -1)).flatMap((place) =>
    placesOf(output.slice(0, -1)).map((at) =>
      lengths.reduce((index, length, axis) => {
        const start = (at[axis] ?? 0) * (strides[axis] ?? 1);
        return index * length + start + (place[axis] ?? 0) * (dilations[axis] ?? 1);
      }, 0),
    ),
  );
  return {
    images: window.batch,
    channels: window.inChannels,
    outputs: depthwise ? window.outChannels / window.inChannels : window.outChannels,
    depthwise,
    sums,
    rows,
    paddedRows: elementCount(lengths),
    outputRows: elementCount(output.slice(0, -1)),
    rowPlaces: elementCount(filter.slice(0, -1)),
    columnPlaces: filter.at(-1) ?? 1,
    stride: strides.at(-1) ?? 1,
    outputColumns: output.at(-1) ?? 1,
  };
}

/** All index tuples of a shape, the last axis fastest. */
function placesOf(sizes: readonly number[]): number[][] {
  const [size, ...rest] = sizes;
  if (size === undefined) return [[]];
  return Array.from({ length: size }, (_, index) => placesOf(rest).map((place) => [index, ...place])).flat();
}

/** Compares what either way copies and reads, in rows of output columns a position. */
function isLessToDo({ channels: c, outputs: k, depthwise, rowPlaces, columnPlaces, stride }: Form): boolean {
  if (columnPlaces === 1 || (depthwise && stride > 1)) return false;
  if (depthwise) return true;
  const moveImages = 2 * columnPlaces * c + 2 * rowPlaces * columnPlaces * c + k;
  const layOut = Math.min(columnPlaces, stride) * rowPlaces * c;
  return layOut + (columnPlaces - 1) * k + columnPlaces * (rowPlaces * c + k) < moveImages;
}

/** The way with x moved along its rows: one product, [C, columns, rows of the filter] by [K]. */
function imagesMoved(graph: OnnxGraph, { window, x, dy }: FilterGradient, form: Form): string {
  const { images, channels, columnPlaces, rowPlaces, stride, outputColumns, paddedRows } = form;
  const whole = padded(graph, x, window);
  const span = (outputColumns - 1) * stride + 1;
  const columns = Array.from({ length: columnPlaces }, (_, place) => {
    const start = place * (window.dilations.at(-1) ?? 1);
    const range = [[start], [start + span], [window.input.length + 1], [stride]];
    const cut = graph.op('Slice', [whole, ...range.map((list) => graph.int64s(list))]);
    return graph.op('Reshape', [cut, graph.int64s([images, channels, 1, paddedRows, outputColumns])]);
  });
  const many = channels * columnPlaces;
  const picked = pickRows(graph, joined(graph, columns, 2), { form, many, columns: outputColumns });
  const sum = productSum(graph, form, { x: picked, places: columnPlaces * rowPlaces, dy, moves: 1 });
  const shape = graph.int64s([channels, columnPlaces, rowPlaces, form.outputs]);
  return graph.op('Transpose', [graph.op('Reshape', [sum, shape])], { perm: [2, 1, 0, 3] });
}

/** How dy is moved for a place along the row: in columns of the images' phase that it belongs to. */
interface Move {
  readonly phase: number;
  readonly by: number;
}

interface GradientMoves {
  /** Columns of a phase: every `stride`-th column of the images. */
  readonly columns: number;
  readonly moves: readonly Move[];
}

/** Nothing where a place sees none of the images, as on an image smaller than the filter. */
function movesOfGradient(window: Window): GradientMoves | undefined {
  const last = (list: readonly number[]) => list.at(-1) ?? 1;
  const stride = last(window.strides);
  const columns = Math.ceil(last(window.input) / stride);
  const moves = Array.from({ length: last(window.filter) }, (_, place) => {
    const start = place * last(window.dilations) - last(window.before);
    const by = Math.floor(start / stride);
    return { by, phase: start - by * stride };
  });
  const visible = moves.every(({ by }) => by > -last(window.output) && by < columns);
  return visible ? { columns, moves } : undefined;
}

/** The way with dy moved along its rows: for each column of the filter a product, [C, rows of the filter] by [K]. */
function gradientMoved(
  graph: OnnxGraph,
  of: FilterGradient,
  { form, moves: { columns, moves } }: { form: Form; moves: GradientMoves },
): string {
  const { channels, rowPlaces, columnPlaces, outputs, depthwise } = form;
  const phases = phasesOf(graph, of, { form, columns }).map((phase) =>
    pickRows(graph, phase, { form, many: channels, columns }),
  );
  const gradients = moves.map(({ by }) => movedColumns(graph, of, { by, columns }));
  const shape = (many: number) => graph.int64s([channels, rowPlaces, many, outputs]);
  const product = (x: string, dy: string, many: number) => {
    const sum = productSum(graph, form, { x, places: rowPlaces, dy, moves: many });
    return graph.op('Reshape', [sum, shape(many)]);
  };
  const each = moves.map(({ phase }, place) => [phases[phase] ?? '', gradients[place] ?? ''] as const);
  const ordered = depthwise
    ? product(phases[0] ?? '', stackedGradients(graph, form, gradients), columnPlaces)
    : joined(
        graph,
        each.map(([phase, gradient]) => product(phase, gradient, 1)),
        2,
      );
  return graph.op('Transpose', [ordered], { perm: [1, 2, 0, 3] });
}

/** The images with rows padded, cut into columns 0, s, 2s, ..., columns 1, s + 1, ... and so on. */
function phasesOf(
  graph: OnnxGraph,
  { window, x }: FilterGradient,
  { form, columns }: { form: Form; columns: number },
): string[] {
  const { stride, images, channels, paddedRows } = form;
  const missing = columns * stride - (window.input.at(-1) ?? 1);
  const rows = padded(graph, x, {
    before: window.before.with(-1, 0),
    after: window.after.with(-1, missing),
  });
  if (stride === 1) return [rows];
  const shape = graph.int64s([images, channels, paddedRows, columns, stride]);
  const sizes = graph.int64s(Array.from({ length: stride }, () => 1));
  const split = graph.node('Split', [graph.op('Reshape', [rows, shape]), sizes], { axis: 4 });
  return Array.from({ length: stride }, (_, phase) => graph.outputOf(split, phase));
}

/** dy in rows of `columns`, moved to the right; what leaves the row is of no effect. */
function movedColumns(
  graph: OnnxGraph,
  { window, dy }: FilterGradient,
  { by, columns }: { by: number; columns: number },
): string {
  const none = window.output.map(() => 0);
  const behind = columns - (window.output.at(-1) ?? 1) - by;
  return padded(graph, dy, { before: none.with(-1, by), after: none.with(-1, behind) });
}

/** The moved gradients of each image's channel under one another, [N * C, places * multiplier, positions]. */
function stackedGradients(graph: OnnxGraph, { images, channels, outputs }: Form, moved: string[]): string {
  const shape = graph.int64s([images * channels, outputs, -1]);
  return joined(
    graph,
    moved.map((gradient) => graph.op('Reshape', [gradient, shape])),
    1,
  );
}

/** The rows that each place of the filter sees: [N, many, rows, columns] to [N, many, places, output rows, columns]. */
function pickRows(
  graph: OnnxGraph,
  value: string,
  { form, many, columns }: { form: Form; many: number; columns: number },
): string {
  const { images, rows, paddedRows } = form;
  const flat = graph.op('Reshape', [value, graph.int64s([images, many, paddedRows, columns])]);
  const asTheyAre = rows.length === paddedRows && rows.every((row, index) => row === index);
  return asTheyAre ? flat : graph.op('Gather', [flat, graph.int64s(rows)], { axis: 2 });
}

interface Factors {
  readonly x: string;
  /** How many places lie in x, and how many moves in dy, beside the channels. */
  readonly places: number;
  readonly dy: string;
  readonly moves: number;
}

/** The product over positions, summed over images: [C * places, moves * outputs]. */
function productSum(graph: OnnxGraph, form: Form, { x, places, dy, moves }: Factors): string {
  const { images, channels, depthwise, outputs } = form;
  const batch = depthwise ? images * channels : images;
  const flat = (value: string, many: number) => graph.op('Reshape', [value, graph.int64s([batch, many, -1])]);
  const factors = [flat(x, depthwise ? places : places * channels), flat(dy, moves * outputs)];
  const product = graph.op('com.microsoft.FusedMatMul', factors, { transA: 0, transB: 1 });
  const byImage = graph.op('Reshape', [product, graph.int64s([images, places * channels, moves * outputs])]);
  const sum = graph.op('ReduceSum', [byImage, graph.int64s([0])], { keepdims: 0 });
  noteSum(graph, form.sums, {
    sum,
    of: byImage,
    dims: [images, places * channels, moves * outputs],
    places: [0],
    keepDims: false,
  });
  return sum;
}

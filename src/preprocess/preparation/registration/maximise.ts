import { f64At } from '../../../runtime/base/at.ts';

/** A function at one place; NaN where it has no value. */
export interface Evaluated {
  readonly value: number;
  readonly gradient: Float64Array;
}

export interface Search {
  /** Longest step, in units of the values. */
  readonly longest: number;
  /** The search ends with a step shorter than this. */
  readonly shortest: number;
  readonly iterations: number;
}

/** A step has to bring this share of what the slope promises (Armijo's rule). */
const ENOUGH = 1e-4;
const HALVINGS = 12;

/**
 * Climbs to the nearest maximum by the quasi-Newton method of Broyden, Fletcher, Goldfarb and Shanno (Nocedal and Wright, algorithm 6.1),
 * halving steps that do not rise. Never ends lower than it began.
 */
export function maximise(
  evaluate: (values: Float64Array) => Evaluated,
  start: Float64Array,
  search: Search,
): Float64Array {
  let values = start;
  let here = evaluate(values);
  let inverse: Float64Array | undefined;
  for (let step = 0; step < search.iterations; step++) {
    const direction = inverse ? times(inverse, here.gradient) : here.gradient;
    const next = climb(evaluate, { values, here, direction }, search);
    if (!next) {
      // What was learnt of the curvature does not hold here: once more along the slope.
      if (!inverse) break;
      inverse = undefined;
      continue;
    }
    inverse = update(inverse, next.step, minus(here.gradient, next.there.gradient));
    values = next.values;
    here = next.there;
    if (lengthOf(next.step) < search.shortest) break;
  }
  return values;
}

interface Position {
  readonly values: Float64Array;
  readonly here: Evaluated;
  readonly direction: Float64Array;
}

function climb(
  evaluate: (values: Float64Array) => Evaluated,
  { values, here, direction }: Position,
  { longest, shortest }: Search,
): { values: Float64Array; there: Evaluated; step: Float64Array } | undefined {
  const size = lengthOf(direction);
  const slope = dot(direction, here.gradient);
  if (!(slope > 0)) return undefined;
  let share = Math.min(1, longest / size);
  // A bare gradient has no length of its own.
  if (direction === here.gradient) share = longest / size;
  for (let halving = 0; halving < HALVINGS && share * size >= shortest / 4; halving++, share /= 2) {
    const factor = share;
    const step = direction.map((value) => factor * value);
    const moved = values.map((value, at) => value + f64At(step, at));
    const there = evaluate(moved);
    if (there.value >= here.value + ENOUGH * share * slope) return { values: moved, there, step };
  }
  return undefined;
}

/** The approximation of the inverse curvature after one more step; left as it was where the function does not curve down along it. */
function update(
  inverse: Float64Array | undefined,
  step: Float64Array,
  bend: Float64Array,
): Float64Array | undefined {
  const curve = dot(step, bend);
  if (!(curve > 1e-12 * lengthOf(step) * lengthOf(bend))) return inverse;
  const n = step.length;
  const before = inverse ?? scaledIdentity(n, curve / dot(bend, bend));
  const turned = times(before, bend);
  const factor = 1 + dot(bend, turned) / curve;
  return before.map((value, at) => {
    const [row, column] = [Math.floor(at / n), at % n];
    const [s, t] = [f64At(step, row), f64At(step, column)];
    return value + (factor * s * t - f64At(turned, row) * t - s * f64At(turned, column)) / curve;
  });
}

function scaledIdentity(n: number, scale: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, at) => (at % (n + 1) === 0 ? scale : 0));
}

function times(matrix: Float64Array, vector: Float64Array): Float64Array {
  const n = vector.length;
  return vector.map((_, row) => dot(matrix.subarray(row * n, (row + 1) * n), vector));
}

function minus(one: Float64Array, other: Float64Array): Float64Array {
  return one.map((value, at) => value - f64At(other, at));
}

function dot(one: Float64Array, other: Float64Array): number {
  return one.reduce((sum, value, at) => sum + value * f64At(other, at), 0);
}

function lengthOf(vector: Float64Array): number {
  return Math.sqrt(dot(vector, vector));
}

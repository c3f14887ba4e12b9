import { f64At } from '../base/at.ts';
import { transform } from './fft.ts';
import {
  type Event,
  requireDelta,
  requireMechanism,
  requireSteps,
  type SampledGaussian,
} from './mechanism.ts';
import { logAdd, upperTail } from './normal.ts';

/**
 * Privacy loss distributions on a grid (Koskela, Jalko and Honkela 2020; Sommer, Meiser and Mohammadi 2019): what fixed steps come to, tighter
 * than their divergences. The grid rounds to the side of caution: by connecting the dots of the hockey-stick curve (Doroshenko, Ghazi, Kamath,
 * Kumar and Manurangsi 2022), so that the epsilon is never below the true one.
 */

/** Which of two neighbours is the larger: a unit is removed, or added. */
type Side = 'remove' | 'add';

interface LossDistribution {
  /** Loss of the first mass, as a multiple of `step`. */
  readonly low: number;
  readonly masses: Float64Array;
  /** Mass at an infinite loss. */
  readonly infinite: number;
  readonly step: number;
}

/** What the windows of a composition leave out, as mass: it counts as an infinite loss. */
const TAIL = 1e-15;
/** Logarithm below which a share of a sum is not seen. */
const NOTHING = -60;
/** Standard deviations beyond which a step's loss is cut: exp(-51). */
const REACH = 10.1;
const DEFAULT_STEP = 1e-3;

/**
 * The epsilon of steps at a delta, of both directions the larger.
 * @param grid distance of losses on the grid
 * @throws RangeError where a number is out of range
 */
export function pldEpsilon({ steps, ...mechanism }: Event, delta: number, grid = DEFAULT_STEP): number {
  requireMechanism(mechanism);
  requireSteps(steps);
  requireDelta(delta);
  const sides: readonly Side[] = mechanism.rate === 1 ? ['remove'] : ['remove', 'add'];
  return Math.max(
    ...sides.map((side) => epsilonOf(composed(distribution(mechanism, side, grid), steps), delta)),
  );
}

/** The least delta of a step at epsilon e, a unit being removed: P(loss > e) under one, less exp(e) times that under the other. */
function deltaOfRemoval(e: number, { rate, sigma }: SampledGaussian): number {
  if (rate < 1 && e <= Math.log1p(-rate)) return -Math.expm1(e);
  const x = sigma * sigma * Math.log((Math.expm1(e) + rate) / rate) + 0.5;
  const [without, within] = [upperTail(x / sigma), upperTail((x - 1) / sigma)];
  return Math.max(0, (1 - rate) * without + rate * within - Math.exp(e) * without);
}

function deltaOfAddition(e: number, { rate, sigma }: SampledGaussian): number {
  if (rate < 1 && e >= -Math.log1p(-rate)) return 0;
  const x = sigma * sigma * Math.log((Math.expm1(-e) + rate) / rate) + 0.5;
  const [without, within] = [upperTail(-x / sigma), upperTail((1 - x) / sigma)];
  return Math.max(0, without - Math.exp(e) * ((1 - rate) * without + rate * within));
}

/** Loss of an outcome x where a unit is removed. */
function lossAt(x: number, { rate, sigma }: SampledGaussian): number {
  const drawn = Math.log(rate) + (2 * x - 1) / (2 * sigma * sigma);
  return logAdd(Math.log1p(-rate), drawn);
}

function distribution(mechanism: SampledGaussian, side: Side, step: number): LossDistribution {
  const reach = mechanism.sigma * REACH;
  const ends = [lossAt(-reach, mechanism), lossAt(1 + reach, mechanism)] as const;
  const [from, to] = side === 'remove' ? ends : ([-ends[1], -ends[0]] as const);
  const low = Math.floor(from / step);
  const count = Math.ceil(to / step) - low + 1;
  const deltaOf = side === 'remove' ? deltaOfRemoval : deltaOfAddition;
  const deltas = new Float64Array(count);
  let least = 1;
  for (let at = 0; at < count; at++) {
    least = Math.min(least, deltaOf((low + at) * step, mechanism));
    deltas[at] = least;
  }
  const [ahead, behind] = [Math.expm1(step), Math.expm1(-step)];
  const masses = new Float64Array(count);
  for (let at = 0; at < count; at++) {
    const here = f64At(deltas, at);
    const back = at === 0 ? 1 - here : (here - f64At(deltas, at - 1)) / behind;
    const fore = at === count - 1 ? 0 : (f64At(deltas, at + 1) - here) / ahead;
    masses[at] = Math.max(0, back + fore);
  }
  return { low, masses, infinite: f64At(deltas, count - 1), step };
}

/** The losses of so many steps, added: a power of the Fourier transform, in a window that all but a tail of 1e-15 lies in. */
function composed(one: LossDistribution, steps: number): LossDistribution {
  if (steps === 1) return one;
  const { low, masses, infinite, step } = one;
  const high = Math.min(steps * (low + masses.length - 1), Math.ceil(farthest(one, steps, 1) / step));
  const first = Math.max(steps * low, Math.floor(-farthest(one, steps, -1) / step));
  const count = 2 ** Math.ceil(Math.log2(Math.max(high - first + 1, masses.length)));
  const [re, im] = [new Float64Array(count), new Float64Array(count)];
  re.set(masses);
  transform({ re, im }, 'forward');
  for (let at = 0; at < count; at++) {
    const [x, y] = [f64At(re, at), f64At(im, at)];
    const size = Math.hypot(x, y) ** steps;
    const angle = Math.atan2(y, x) * steps;
    re[at] = size * Math.cos(angle);
    im[at] = size * Math.sin(angle);
  }
  transform({ re, im }, 'back');
  const sums = new Float64Array(high - first + 1);
  const shift = first - steps * low;
  for (let at = 0; at < sums.length; at++) sums[at] = f64At(re, (((shift + at) % count) + count) % count);
  return { low: first, masses: sums, infinite: TAIL - Math.expm1(steps * Math.log1p(-infinite)), step };
}

/** A sum of losses (`sign` -1: of their opposites) is larger than this with a chance of at most half the tail: the best of some bounds of Chernoff. */
function farthest({ low, masses, step }: LossDistribution, steps: number, sign: 1 | -1): number {
  const logs = masses.map((mass) => Math.log(mass));
  let best = Number.POSITIVE_INFINITY;
  for (let power = -2; power <= 13; power++) {
    const slope = 2 ** power / (masses.length * step);
    const exponent = (at: number) => sign * slope * (low + at) * step + f64At(logs, at);
    let top = Number.NEGATIVE_INFINITY;
    for (let at = 0; at < logs.length; at++) top = Math.max(top, exponent(at));
    let sum = 0;
    for (let at = 0; at < logs.length; at++) {
      const below = exponent(at) - top;
      if (below > NOTHING) sum += Math.exp(below);
    }
    const bound = (steps * (Math.log(sum) + top) + Math.log(2 / TAIL)) / slope;
    // The bound has one least value over all slopes: behind it it only grows.
    if (bound > best) break;
    best = bound;
  }
  return best;
}

/** The least epsilon at which the mass over it, each part less what the other neighbour has there, is at most delta. */
function epsilonOf({ low, masses, infinite, step }: LossDistribution, delta: number): number {
  if (infinite > delta) return Number.POSITIVE_INFINITY;
  let [over, discount] = [infinite, 0];
  for (let at = masses.length - 1; at >= 0; at--) {
    const loss = (low + at) * step;
    const epsilon = Math.log((over - delta) / discount);
    if (over > delta && discount > 0 && epsilon >= loss) return Math.max(0, epsilon);
    over += f64At(masses, at);
    discount += f64At(masses, at) * Math.exp(-loss);
    if (over >= delta && discount === 0) return Math.max(0, loss);
  }
  return over <= discount + delta ? 0 : Math.log((over - delta) / discount);
}

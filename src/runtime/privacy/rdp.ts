import { f64At, numberAt } from '../base/at.ts';
import {
  type Event,
  requireDelta,
  requireMechanism,
  requireSteps,
  type SampledGaussian,
} from './mechanism.ts';
import { logAdd } from './normal.ts';

/**
 * Renyi differential privacy (Mironov 2017) of the sampled Gaussian (Mironov, Talwar and Zhang 2019): its divergences of order a are
 * added over steps and over jobs, and turn into epsilon and delta at the end.
 */

/** Those at which a curve is known, as in dp-accounting: tenths from 1.1 to 10.9, 11 to 63, then powers of 2. */
export const ORDERS: readonly number[] = [
  ...Array.from({ length: 99 }, (_, tenth) => (11 + tenth) / 10),
  ...Array.from({ length: 53 }, (_, at) => at + 11),
  ...[128, 256, 512, 1024],
];

/** Divergences at `ORDERS`. */
export type RdpCurve = readonly number[];

/** Points for each standard deviation, and how many of these on either side: the trapezoidal rule is exact to rounding for such integrands. */
const [POINTS, REACH] = [16, 14];
/** Below this logarithm the difference to 1 is integrated, which keeps its digits. */
const SMALL = 0.5;

/**
 * log E_z f(z)^a / (a - 1) with f(z) = 1 - q + q exp((2z - 1) / 2s^2), for z normal with standard deviation s, by quadrature: one formula for
 * whole and broken orders. It is the larger of the two directions, of a unit that is added and one that is removed (Mironov, Talwar and Zhang,
 * theorem 5).
 * @throws RangeError where a number is out of range
 */
export function renyiDivergence(mechanism: SampledGaussian, order: number): number {
  requireMechanism(mechanism);
  if (!(order > 1)) throw new RangeError(`An order is over 1, not ${order}.`);
  return divergenceAt(order, mechanism, logFactors(mechanism, order));
}

/** The divergences of steps at all orders. */
export function rdpCurve({ steps, ...mechanism }: Event): RdpCurve {
  requireSteps(steps);
  requireMechanism(mechanism);
  // All orders look at the same points, higher ones at more of them.
  const logs = logFactors(mechanism, Math.max(...ORDERS));
  return ORDERS.map((order) => steps * divergenceAt(order, mechanism, logs));
}

/** Points up to which the integrand of an order is more than nothing. */
function pointsFor(order: number, { sigma }: SampledGaussian): number {
  return Math.ceil((order / sigma + 2 * REACH) * POINTS) + 1;
}

/** In standard deviations. */
function pointAt(at: number): number {
  return at / POINTS - REACH;
}

/** The logarithms of f at the points of an order and all below it. */
function logFactors(mechanism: SampledGaussian, order: number): Float64Array {
  const { rate, sigma } = mechanism;
  const [stays, drawn] = [Math.log1p(-rate), Math.log(rate)];
  const logs = new Float64Array(rate === 1 ? 0 : pointsFor(order, mechanism));
  for (let at = 0; at < logs.length; at++)
    logs[at] = logAdd(stays, drawn + (2 * sigma * pointAt(at) - 1) / (2 * sigma * sigma));
  return logs;
}

function divergenceAt(order: number, mechanism: SampledGaussian, logs: Float64Array): number {
  const { rate, sigma } = mechanism;
  if (rate === 1) return order / (2 * sigma * sigma);
  const factors = logs.subarray(0, pointsFor(order, mechanism));
  const log = logMoment(order, factors);
  const exact = log < SMALL ? Math.log1p(excessMoment(order, mechanism, factors)) : log;
  return exact / (order - 1);
}

/** What the points of the trapezoidal rule count for, less their weight under the normal curve. */
const SHARE = 1 / (POINTS * Math.sqrt(2 * Math.PI));

/** The logarithm of the moment. */
function logMoment(order: number, factors: Float64Array): number {
  let top = Number.NEGATIVE_INFINITY;
  const logAt = (at: number) => order * f64At(factors, at) - (pointAt(at) * pointAt(at)) / 2;
  for (let at = 0; at < factors.length; at++) top = Math.max(top, logAt(at));
  let sum = 0;
  for (let at = 0; at < factors.length; at++) sum += Math.exp(logAt(at) - top);
  return top + Math.log(sum * SHARE);
}

/**
 * The moment less 1, as E f^a - 1 - a (f - 1): the mean of f is 1, and without these terms the digits of a tiny divergence would be lost.
 */
function excessMoment(order: number, { rate, sigma }: SampledGaussian, factors: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < factors.length; at++) {
    const point = pointAt(at);
    const weight = Math.exp((-point * point) / 2);
    const power = order * f64At(factors, at);
    if (Math.abs(power) > 1) {
      // f - 1 times the weight, each part of which is bounded.
      const excess = rate * (Math.exp((-(point - 1 / sigma) * (point - 1 / sigma)) / 2) - weight);
      sum += Math.exp(power - (point * point) / 2) - weight - order * excess;
    } else {
      const share = rate * Math.expm1((2 * sigma * point - 1) / (2 * sigma * sigma));
      sum += (Math.expm1(order * Math.log1p(share)) - order * share) * weight;
    }
  }
  return sum * SHARE;
}

/** Of mechanisms one after another, each chosen in knowledge of what the others gave. */
export function composedRdp(curves: readonly RdpCurve[]): RdpCurve {
  return ORDERS.map((_, at) => curves.reduce((sum, curve) => sum + numberAt(curve, at), 0));
}

/** Orders so near 1 say nothing: the conversion divides by what they have over it. */
const LEAST_ORDER = 1.01;

/**
 * The least epsilon at which divergences give (epsilon, delta): Canonne, Kamath and Steinke 2020, proposition 12.
 * @throws RangeError where delta is not between 0 and 1
 */
export function epsilonOfRdp(
  curve: RdpCurve,
  delta: number,
  orders: readonly number[] = ORDERS,
): { readonly epsilon: number; readonly order: number } {
  requireDelta(delta);
  let best = { epsilon: Number.POSITIVE_INFINITY, order: Number.NaN };
  for (const [at, order] of orders.entries()) {
    const epsilon = epsilonAt(order, numberAt(curve, at), delta);
    if (epsilon < best.epsilon) best = { epsilon, order };
  }
  return { ...best, epsilon: Math.max(0, best.epsilon) };
}

function epsilonAt(order: number, divergence: number, delta: number): number {
  // So near to nothing that delta alone covers it, by the total variation (Bretagnolle and Huber).
  if (delta * delta + Math.expm1(-divergence) > 0) return 0;
  if (order <= LEAST_ORDER) return Number.POSITIVE_INFINITY;
  return divergence + Math.log1p(-1 / order) - Math.log(delta * order) / (order - 1);
}

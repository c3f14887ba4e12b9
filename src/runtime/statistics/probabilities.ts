import { f64At } from '../base/at.ts';
/** What a classifier said of examples whose class is known. */
export interface Scored {
  /** [rows, classes], each row summing to 1. */
  readonly probabilities: Float64Array;
  readonly labels: ArrayLike<number>;
  readonly classes: number;
}

/** Probabilities are held over this before the logarithm, so that one sure mistake cannot make a loss infinite. */
const SMALLEST = 1e-7;

/** The class with the highest probability, the first of equal ones. */
export function predictedClass(probabilities: ArrayLike<number>, row: number, classes: number): number {
  let best = 0;
  for (let label = 1; label < classes; label++) {
    if ((probabilities[row * classes + label] as number) > (probabilities[row * classes + best] as number))
      best = label;
  }
  return best;
}

/** Negative log-likelihood of each row's class, natural logarithm. */
export function logLosses({ probabilities, labels, classes }: Scored): Float64Array {
  return Float64Array.from(
    labels,
    (label, row) => -Math.log(Math.min(1, Math.max(SMALLEST, f64At(probabilities, row * classes + label)))),
  );
}

/** Brier's score of each row over all classes (Brier, 1950): the squared distance from the truth, 0 to 2. */
export function brierScores({ probabilities, labels, classes }: Scored): Float64Array {
  return Float64Array.from(labels, (label, row) => {
    let sum = 0;
    for (let at = 0; at < classes; at++) {
      sum += (f64At(probabilities, row * classes + at) - (at === label ? 1 : 0)) ** 2;
    }
    return sum;
  });
}

/** Softmax of logarithms divided by a temperature (Guo et al., "On calibration of modern neural networks", 2017). */
export function withTemperature(scored: Scored, temperature: number): Scored {
  const { probabilities, classes } = scored;
  const scaled = new Float64Array(probabilities.length);
  for (let start = 0; start < scaled.length; start += classes) {
    let total = 0;
    for (let at = start; at < start + classes; at++) {
      scaled[at] = Math.max(SMALLEST, f64At(probabilities, at)) ** (1 / temperature);
      total += f64At(scaled, at);
    }
    for (let at = start; at < start + classes; at++) scaled[at] = f64At(scaled, at) / total;
  }
  return { ...scored, probabilities: scaled };
}

/** The temperatures that are looked among, as natural logarithms. */
export const LOG_RANGE: readonly [number, number] = [-2.5, 2.5];
/** Fewer validation subjects say nothing about a temperature. */
export const LEAST_FITTED = 20;
const GOLDEN = (Math.sqrt(5) - 1) / 2;
const STEPS = 40;

/**
 * The temperature with the least loss summed over all sets: one set a site, of which only sums are needed, so sites can fit it
 * together without showing an example. The loss has one minimum in the logarithm; golden-section search finds it.
 */
export function fitTemperature(sets: readonly Scored[]): number {
  const loss = (logarithm: number) =>
    sets.reduce((sum, set) => sum + logLosses(withTemperature(set, Math.exp(logarithm))).reduce(add, 0), 0);
  return Math.exp(leastBetween(LOG_RANGE, loss));
}

/** Where a function with one minimum between two places has it, by golden-section search. */
export function leastBetween([from, to]: readonly [number, number], loss: (place: number) => number): number {
  let [low, high] = [from, to];
  let [left, right] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)];
  let [atLeft, atRight] = [loss(left), loss(right)];
  for (let step = 0; step < STEPS; step++) {
    if (atLeft <= atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - GOLDEN * (high - low);
      atLeft = loss(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + GOLDEN * (high - low);
      atRight = loss(right);
    }
  }
  return (low + high) / 2;
}

function add(sum: number, value: number): number {
  return sum + value;
}

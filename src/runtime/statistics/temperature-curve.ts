import { f64At } from '../base/at.ts';
import { LOG_RANGE, leastBetween, logLosses, type Scored, withTemperature } from './probabilities.ts';

/** Temperatures at which losses are summed, as natural logarithms: so many steps over the range. */
const STEPS = 20;
/** Sums around the least one that a polynomial goes through. */
const NEIGHBOURS = 7;

export const CURVE_POINTS = STEPS + 1;

/** Losses summed over all rows at each of the temperatures: of several sites these add up, and tell of no row. */
export function lossCurve(scored: Scored): number[] {
  return Array.from({ length: CURVE_POINTS }, (_, at) =>
    logLosses(withTemperature(scored, Math.exp(placeOf(at)))).reduce((sum, loss) => sum + loss, 0),
  );
}

function placeOf(at: number): number {
  const [low, high] = LOG_RANGE;
  return low + ((high - low) * at) / STEPS;
}

/** The temperature of the least sum: between the points the curve is that of the polynomial through those around it. */
export function temperatureOfCurve(sums: readonly number[]): number {
  const least = sums.reduce((best, sum, at) => (sum < (sums[best] ?? 0) ? at : best), 0);
  const first = Math.min(Math.max(0, least - (NEIGHBOURS >> 1)), CURVE_POINTS - NEIGHBOURS);
  const places = Float64Array.from({ length: NEIGHBOURS }, (_, at) => placeOf(first + at));
  const values = Float64Array.from(places, (_, at) => sums[first + at] ?? 0);
  const low = placeOf(Math.max(0, least - 1));
  const high = placeOf(Math.min(STEPS, least + 1));
  return Math.exp(leastBetween([low, high], (place) => through(places, values, place)));
}

/** Lagrange's polynomial. */
function through(places: Float64Array, values: Float64Array, at: number): number {
  return values.reduce((sum, value, own) => {
    const weight = places.reduce(
      (product, place, other) =>
        other === own ? product : (product * (at - place)) / (f64At(places, own) - place),
      1,
    );
    return sum + weight * value;
  }, 0);
}

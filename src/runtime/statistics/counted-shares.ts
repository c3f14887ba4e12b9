import { type Estimate, estimateOf, type Figure, meanOfShares, UNDEFINED, wilsonInterval } from './figure.ts';

/**
 * A share of counted examples, or the mean of several, with its 95 % interval; each example is taken as a draw of its own, for which of them
 * are of one patient is not known. Undefined where a part has none.
 * @param shares pairs [counted, of]
 */
export function meanOfCounts(shares: readonly (readonly [counted: number, of: number])[]): Estimate {
  if (shares.some(([, of]) => !(of > 0))) return UNDEFINED;
  const [only] = shares;
  if (only && shares.length === 1) {
    const value = only[0] / only[1];
    return { value, ...wilsonInterval(value, only[1]) };
  }
  return estimateOf(meanOfShares(shares.map((share, at) => figureOf(share, { at, of: shares.length }))));
}

/** Of other examples than those of the other parts. */
function figureOf(
  [counted, trials]: readonly [number, number],
  { at, of }: { readonly at: number; readonly of: number },
): Figure {
  const value = counted / trials;
  const alone = (own: number) => Array.from({ length: of }, (_, part) => (part === at ? own : 0));
  return {
    value,
    ...wilsonInterval(value, trials),
    pull: Float64Array.from(alone(Math.sqrt((value * (1 - value)) / trials))),
    present: Uint8Array.from(alone(1)),
    trials,
  };
}

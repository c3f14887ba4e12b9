import { sum } from '../base/sum.ts';
import { meanOf } from './mean.ts';
import type { CellResult } from './result.ts';

/** A model of a run, and what it took to make it. */
export interface CurvePoint {
  /** Rounds before it; 0 is the model that the run began with. */
  readonly round: number;
  /** Of models that a federation would have carried. */
  readonly bytes: number;
  /** Of the rounds, each as long as its longest task; null where it is not known. */
  readonly seconds: number | null;
  /** The key metric on validation data. */
  readonly value: number | null;
}

export function curveOf({ curve, bytes, rounds, round_seconds: seconds }: CellResult): CurvePoint[] {
  // A model out and one back for each site and round, and one out at the end.
  const ofRound = (2 * bytes) / (2 * rounds + 1);
  return curve.map((value, round) => ({
    round,
    bytes: Math.round(ofRound * round),
    seconds: seconds.length < round ? null : sum(seconds.slice(0, round)),
    value,
  }));
}

/** Mean over the runs that came as far: what it took, and what it came to. */
export function meanCurve(runs: readonly CellResult[]): CurvePoint[] {
  const curves = runs.map(curveOf);
  const longest = Math.max(0, ...curves.map(({ length }) => length));
  return Array.from({ length: longest }, (_, round) => {
    const there = curves.flatMap((points) => points[round] ?? []);
    const values = there.flatMap(({ value }) => value ?? []);
    return {
      round,
      bytes: meanOf(there.map(({ bytes }) => bytes)) ?? 0,
      seconds: meanOf(there.map(({ seconds }) => seconds)),
      value: meanOf(values),
    };
  });
}

import { valuesIn } from '../preparation/crop.ts';
import type { Mask, Scan } from '../preparation/scan.ts';
import type { FigureName } from './figures.ts';
import { type Air, airOf, dietrich, foregroundToBackground } from './measure/air.ts';
import { entropyFocus } from './measure/entropy-focus.ts';
import { smoothness } from './measure/smoothness.ts';
import { type Spread, spreadOf } from './measure/spread.ts';
import { because, type Outcome, type Undefined } from './outcome.ts';

export type Figures = Readonly<Record<FigureName, Outcome>>;

/** What is measured: a volume, a slice or the mean of a series, with its head. */
export interface Subject extends Scan {
  readonly head: Mask;
  /** Values of the head. */
  readonly inside: Float32Array;
  /** Of those values; undefined where there are none. */
  readonly spread: Spread | undefined;
  readonly air: Air | Undefined;
}

export function subjectOf(scan: Scan, head: Mask): Subject {
  const inside = valuesIn(scan.data, head);
  return { ...scan, head, inside, spread: spreadOf(inside), air: airOf(scan.data, head, scan.shape) };
}

/** What has one meaning for every kind of image. */
export function measureAny({ data, head, shape, inside, spread, air }: Subject): Partial<Figures> {
  const efc = entropyFocus(data);
  const isScaled = typeof efc !== 'number';
  return {
    efc,
    fber: isScaled ? efc : foregroundToBackground(inside, air),
    snrd: isScaled ? efc : dietrich(spread?.median ?? 0, air),
    fwhm: smoothness(data, head, shape),
  };
}

/** Median over standard deviation, as MRIQC has it of a series; for images whose tissues are not told apart. */
export function headSignal({ spread }: Pick<Subject, 'spread'>): Outcome {
  return spread && spread.deviation > 0
    ? spread.median / spread.deviation
    : because('the head has one value');
}

import type { Affine, Vector } from '../nifti/affine.ts';
import { valuesIn } from '../preparation/crop.ts';
import type { FigureName } from './figures.ts';
import { airOf, dietrich, foregroundToBackground } from './measure/air.ts';
import { entropyFocus } from './measure/entropy-focus.ts';
import { smoothness } from './measure/smoothness.ts';
import { spreadOf } from './measure/spread.ts';
import { because, type Outcome, type Undefined } from './outcome.ts';

export type Figures = Readonly<Record<FigureName, Outcome>>;

/** One volume in memory: first axis fastest. */
export interface Grid {
  readonly shape: Vector;
  readonly data: Float32Array;
  readonly affine: Affine;
}

/** What is measured: a volume, a slice or the mean of a series, with its head. */
export interface Subject extends Grid {
  /** Not 0 inside. */
  readonly head: Uint8Array;
  /** Values of the head. */
  readonly inside: Float32Array;
  /** Values around it. */
  readonly air: Float32Array | Undefined;
}

export function subjectOf(grid: Grid, head: Uint8Array): Subject {
  return { ...grid, head, inside: valuesIn(grid.data, head), air: airOf(grid.data, head, grid.shape) };
}

/** What has one meaning for every kind of image. */
export function measureAny({ data, head, shape, inside, air }: Subject): Partial<Figures> {
  const efc = entropyFocus(data);
  const isScaled = typeof efc !== 'number';
  return {
    efc,
    fber: isScaled ? efc : foregroundToBackground(inside, air),
    snrd: isScaled ? efc : dietrich(spreadOf(inside)?.median ?? 0, air),
    fwhm: smoothness(data, head, shape),
  };
}

/** Median over standard deviation, as MRIQC has it of a series; for images whose tissues are not told apart. */
export function headSignal(inside: Float32Array): Outcome {
  const spread = spreadOf(inside);
  return spread && spread.deviation > 0
    ? spread.median / spread.deviation
    : because('the head has one value');
}

import type { Kind } from './figures.ts';
import type { Figures } from './subject.ts';

/** An image of a data set, with its figures. */
export interface MeasuredImage {
  /** From the root of the data set, with `/`. */
  readonly file: string;
  readonly participant: string;
  /** As participants.tsv has it; null where it names none. */
  readonly site: string | null;
  readonly kind: Kind;
  readonly shape: readonly number[];
  readonly figures: Figures;
}

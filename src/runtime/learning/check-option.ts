import { flError, type NeuroflareError } from '../base/errors/errors.ts';
import { didYouMean } from '../base/text/nearest.ts';

/** What a number must be. */
export interface Range {
  readonly least?: number;
  readonly above?: number;
  readonly below?: number;
  readonly whole?: boolean;
}

/**
 * A number of a training script's options, which may come from `flare.args()` or `flare.model()` unchecked; undefined stays.
 * @throws NF_TRAIN_OPTION naming the option, its value and what it must be
 */
export function checkNumber(name: string, value: unknown, range: Range): number | undefined {
  if (value === undefined) return undefined;
  const { least = Number.NEGATIVE_INFINITY, above = Number.NEGATIVE_INFINITY } = range;
  const { below = Number.POSITIVE_INFINITY, whole = false } = range;
  const right = typeof value === 'number' && value >= least && value > above && value < below;
  if (right && (!whole || Number.isInteger(value))) return value;
  throw optionError(name, value, describeRange(range));
}

/** @throws NF_TRAIN_OPTION for a key that is no option, with the nearest that is */
export function checkKeys(options: object, known: readonly string[]): void {
  const name = Object.keys(options).find((key) => !known.includes(key));
  if (name === undefined) return;
  throw flError('NF_TRAIN_OPTION', { name, problem: `there is no such option.${didYouMean(name, known)}` });
}

/** NF_TRAIN_OPTION for a value that is not what it must be. */
export function optionError(name: string, value: unknown, wanted: string): NeuroflareError {
  const shown = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return flError('NF_TRAIN_OPTION', { name, problem: `${shown} is not ${wanted}.` });
}

function describeRange({ least, above, below, whole }: Range): string {
  const parts = [
    above !== undefined && `over ${above}`,
    least !== undefined && `of at least ${least}`,
    below !== undefined && `under ${below}`,
  ];
  return `a ${whole ? 'whole ' : ''}number ${parts.filter(Boolean).join(' and ')}`;
}

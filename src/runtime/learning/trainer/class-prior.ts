import { sum } from '../../base/sum.ts';
import { optionError } from '../check-option.ts';
import type { ModelForm } from '../dataset/example-set.ts';

/** A class without a picture counts as half of one, so that its logarithm is a number. */
const ABSENT = 0.5;

/**
 * What logit adjustment adds to the logits in training: tau times the logarithm of each class's prior (Menon et al., "Long-Tail Learning via
 * Logit Adjustment", 2021, equation 10), so that the logits themselves lean to no class for being common. A class that is not there counts
 * as half a picture.
 * @param counts pictures of each class, or any numbers in their proportion
 */
export function logitOffsets(counts: readonly number[], tau: number): Float32Array {
  const positive = counts.filter((count) => count > 0);
  const whole = counts.every(Number.isInteger);
  const least = whole ? ABSENT : Math.min(...positive) / 2;
  const filled = counts.map((count) => (count > 0 ? count : least));
  const total = sum(filled);
  return Float32Array.from(filled, (count) => tau * Math.log(count / total));
}

/**
 * Numbers in the proportion of the classes over all sites, from `flare.args()` as they are; undefined or an empty list: none is given.
 * @throws NF_TRAIN_OPTION
 */
export function checkPrior(value: unknown): readonly number[] | undefined {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return undefined;
  const isRight =
    Array.isArray(value) &&
    value.every((one) => typeof one === 'number' && one >= 0 && one < Number.POSITIVE_INFINITY);
  if (isRight && value.some((one) => one > 0)) return value;
  throw optionError('classPrior', value, 'a list of numbers of at least 0, not all 0, one a class');
}

/** @throws NF_TRAIN_OPTION where it is of another number of classes */
export function requireClasses(prior: readonly number[], { names, output }: ModelForm): void {
  const [classes = 0] = output;
  if (prior.length === classes) return;
  throw optionError(
    'classPrior',
    prior,
    `one number for each of ${names?.join(', ') ?? `${classes} classes`}`,
  );
}

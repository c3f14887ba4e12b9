import { f64At } from '../base/at.ts';
import { type Grid, gridFor } from './grid.ts';
import type { SecretRandom } from './secret-random.ts';

/** DP-SGD (Abadi et al. 2016), what of it is no gradient: who is drawn, and what is let out of the sum of those who were. */

export interface StepTerms {
  /** Groups of the site, all of whom may be drawn. */
  readonly groups: number;
  /** Chance with which each of them is. */
  readonly rate: number;
  /** Of the noise, over the most that one of them adds. */
  readonly sigma: number;
  /** Longest gradient of a group. */
  readonly clip: number;
  /** Numbers in a gradient. */
  readonly parameters: number;
}

export class PrivateSteps {
  readonly grid: Grid;
  readonly #terms: StepTerms;
  readonly #random: SecretRandom;

  constructor(terms: StepTerms, random: SecretRandom) {
    this.#terms = terms;
    this.#random = random;
    this.grid = gridFor(terms.parameters);
  }

  /** Poisson sampling: each group by itself, so that any number may come, and none. */
  draw(): number[] {
    const { groups, rate } = this.#terms;
    const drawn: number[] = [];
    for (let group = 0; group < groups; group++) if (this.#random.uniform() < rate) drawn.push(group);
    return drawn;
  }

  /**
   * The mean gradient that may be known: noise in whole steps of the grid on each number, over the groups that are drawn on average. How many
   * were drawn is secret, and no step is left out because nobody was.
   * @param sum of clipped gradients in steps of the grid, whole numbers
   */
  release(sum: Float64Array): Float32Array {
    const { groups, rate, sigma, clip, parameters } = this.#terms;
    if (sum.length !== parameters)
      throw new RangeError(`A sum has ${parameters} numbers, not ${sum.length}.`);
    const deviation = sigma * this.grid.sensitivity;
    const unit = clip / (this.grid.perClip * rate * groups);
    const mean = new Float32Array(sum.length);
    for (let at = 0; at < sum.length; at++)
      mean[at] = (f64At(sum, at) + Math.round(deviation * this.#random.normal())) * unit;
    return mean;
  }
}

import { f32At, u8At } from '../../base/at.ts';

/**
 * What one site reports of a model that labels voxels: plain JSON, finite numbers only. Figures are means over volumes, so that those of several
 * sites are added by what `cases` says; `run/statistics-of.ts` reads this form.
 */
export interface SegmentationMetrics {
  /** Mean cross entropy of a voxel, natural logarithm. */
  readonly loss: number | null;
  /** Mean over volumes that show a label of the mean Dice of the labels they show. */
  readonly dice: number | null;
  /** Share of the volumes without any label in which none was found. */
  readonly specificity: number | null;
  /** Dice of each label over the volumes that show it. */
  readonly label_dice: Readonly<Record<string, number | null>>;
  /** Volumes scored. */
  readonly num_examples: number;
  /** In the order of the outputs, without the background. */
  readonly labels: readonly string[];
  /** Volumes that each figure is over: `loss`, `dice`, `specificity`, and of each label. */
  readonly cases: Readonly<Record<string, number>>;
  /** Reason by figure, e.g. `{ "dice": "no volume with a label" }`; absent where all are defined. */
  readonly undefined_because?: Readonly<Record<string, string>>;
}

/** One volume, predicted and true: voxels of each label. */
export interface Overlap {
  readonly both: readonly number[];
  readonly predicted: readonly number[];
  readonly truth: readonly number[];
}

/** @param labels how many there are besides the background, 0 */
export function overlapOf(predicted: Uint8Array, truth: Uint8Array, labels: number): Overlap {
  const counts = { both: zeros(labels + 1), predicted: zeros(labels + 1), truth: zeros(labels + 1) };
  for (let voxel = 0; voxel < truth.length; voxel++) {
    const [guess, label] = [u8At(predicted, voxel), u8At(truth, voxel)];
    counts.predicted[guess] = (counts.predicted[guess] ?? 0) + 1;
    counts.truth[label] = (counts.truth[label] ?? 0) + 1;
    if (guess === label) counts.both[label] = (counts.both[label] ?? 0) + 1;
  }
  return { both: counts.both.slice(1), predicted: counts.predicted.slice(1), truth: counts.truth.slice(1) };
}

/**
 * Dice (1945) of one label: 2 |P and T| / (|P| + |T|). Undefined where the volume does not show it (MONAI's `ignore_empty`): whether nothing is
 * found there is told by `specificity`.
 */
export function labelDice({ both, predicted, truth }: Overlap, label: number): number | undefined {
  const shown = truth[label] ?? 0;
  return shown === 0 ? undefined : (2 * (both[label] ?? 0)) / ((predicted[label] ?? 0) + shown);
}

/** Mean cross entropy of the voxels of one volume; logits [voxels, outputs]. */
export function crossEntropy(logits: Float32Array, truth: Uint8Array): number {
  const outputs = logits.length / truth.length;
  let total = 0;
  for (let voxel = 0; voxel < truth.length; voxel++) {
    const from = voxel * outputs;
    let most = Number.NEGATIVE_INFINITY;
    for (let output = 0; output < outputs; output++) most = Math.max(most, f32At(logits, from + output));
    let sum = 0;
    for (let output = 0; output < outputs; output++) sum += Math.exp(f32At(logits, from + output) - most);
    total += Math.log(sum) - (f32At(logits, from + u8At(truth, voxel)) - most);
  }
  return total / truth.length;
}

/** Adds up volumes, in their order. */
export class OverlapSums {
  readonly #labels: readonly string[];
  readonly #dice = new Mean();
  readonly #loss = new Mean();
  readonly #specificity = new Mean();
  readonly #ofLabels: readonly Mean[];

  constructor(labels: readonly string[]) {
    this.#labels = labels;
    this.#ofLabels = labels.map(() => new Mean());
  }

  add(overlap: Overlap, loss: number): void {
    this.#loss.add(loss);
    const own = new Mean();
    for (const [label, mean] of this.#ofLabels.entries()) {
      const dice = labelDice(overlap, label);
      if (dice === undefined) continue;
      mean.add(dice);
      own.add(dice);
    }
    if (own.value !== null) this.#dice.add(own.value);
    else this.#specificity.add(overlap.predicted.every((count) => count === 0) ? 1 : 0);
  }

  describe(): SegmentationMetrics {
    const { value: dice, count: shown } = this.#dice;
    const of = <Value>(read: (mean: Mean) => Value) =>
      Object.fromEntries(this.#labels.map((name, at) => [name, read(this.#ofLabels[at] ?? new Mean())]));
    const missing = this.#labels.filter((_, at) => this.#ofLabels[at]?.value === null);
    const reasons = {
      ...(this.#loss.count === 0 && { loss: 'no volumes' }),
      ...(shown === 0 && { dice: 'no volume with a label' }),
      ...(this.#specificity.count === 0 && { specificity: 'no volume without labels' }),
      ...Object.fromEntries(missing.map((name) => [`label_dice.${name}`, `no volume with ${name}`])),
    };
    return {
      loss: this.#loss.value,
      dice,
      specificity: this.#specificity.value,
      label_dice: of(({ value }) => value),
      num_examples: this.#loss.count,
      labels: [...this.#labels],
      cases: {
        loss: this.#loss.count,
        dice: shown,
        specificity: this.#specificity.count,
        ...Object.fromEntries(
          Object.entries(of(({ count }) => count)).map(([name, count]) => [`label_dice.${name}`, count]),
        ),
      },
      ...(Object.keys(reasons).length > 0 && { undefined_because: reasons }),
    };
  }
}

class Mean {
  #sum = 0;
  count = 0;

  add(value: number): void {
    this.#sum += value;
    this.count++;
  }

  get value(): number | null {
    return this.count === 0 ? null : this.#sum / this.count;
  }
}

function zeros(count: number): number[] {
  return new Array<number>(count).fill(0);
}

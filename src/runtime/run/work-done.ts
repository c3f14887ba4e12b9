import { z } from 'zod';
import type { ClosedRound } from './history.ts';

const total = z.number().nullable();

/** What training took, as the scripts of the sites tell it: `images_seen` and `steps` among the figures of each answer. */
export const workSchema = z.object({
  images_seen: total.describe('pictures shown in training, each as often as it was'),
  steps: total.describe('steps of the optimizer'),
});
export type Work = z.output<typeof workSchema>;

const FIGURES = ['images_seen', 'steps'] as const;

/** Adds up the work of all sites in all rounds; null where an answer does not tell it, for the sum would be of fewer. */
export class WorkTable {
  readonly #sums = new Map<string, number | null>();

  add({ kind, results }: Pick<ClosedRound, 'kind' | 'results'>): void {
    if (kind !== 'train') return;
    for (const name of FIGURES)
      for (const { metrics } of results) {
        const [before = 0, value] = [this.#sums.get(name), metrics[name]];
        this.#sums.set(name, before === null || typeof value !== 'number' ? null : before + value);
      }
  }

  result(): Work {
    return { images_seen: this.#sums.get('images_seen') ?? null, steps: this.#sums.get('steps') ?? null };
  }
}

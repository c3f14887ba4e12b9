import { flError } from '../../../base/errors/errors.ts';
import { TASK_LIMITS } from '../../../base/limits.ts';

/** What the figures of each site to a job come to: they are kept, and read again at every start. */
export class FigureSums {
  readonly #bytes = new Map<string, number>();

  /** Adds those of an answer, which is not kept where they are too many. @throws NF_RESULT_FIGURES_SUM */
  add(site: string, figures: object): void {
    const { most } = TASK_LIMITS.figures_kb;
    const bytes = (this.#bytes.get(site) ?? 0) + Buffer.byteLength(JSON.stringify(figures));
    if (bytes > most * 1000) throw flError('NF_RESULT_FIGURES_SUM', { site, limit: most });
    this.#bytes.set(site, bytes);
  }
}

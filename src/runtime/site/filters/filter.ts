import type { ResultFilterName, ResultFilterOptions } from '../../job/result-filters.ts';
import type { Answer } from '../answer.ts';
import type { Task } from '../task-order.ts';

/** Keys that only this site has: what a filter draws from them nobody else can draw, and the same task draws the same again. */
export interface SiteSecrets {
  /** 32 bytes for one purpose; those of other purposes say nothing of them. */
  key(purpose: string): Promise<Uint8Array>;
}

/** What the answers of this site may cost in all, as a site counts it that protects the people in its data. */
export interface BudgetLedger {
  /**
   * Writes down, durably, what a task costs, before anything of it leaves. The same task again costs nothing.
   * @throws where it is more than what is left: the answer does not leave then
   */
  charge(cost: { readonly task: string; readonly what: string; readonly amount: number }): Promise<void>;
}

/** What is the site's own, for filters of the job and of the site alike. */
export interface FilterMeans {
  readonly secrets: SiteSecrets;
  readonly budget: BudgetLedger;
}

export interface FilterContext extends FilterMeans {
  readonly task: Task;
  /** Whose word the filter is: one of a job is held to the job's model, a site's own may speak of models that are not at hand. */
  readonly owner: 'job' | 'site';
  /** The model that the site received: a safetensors file. */
  readonly model: string;
  /** Where the filter may put a file of the answer: a path of its own for each filter of a chain. */
  readonly target: (name: string) => string;
}

/**
 * Changes an answer after its script's process gave it away, and before anything of it is kept for sending. It reads files and writes new
 * ones, slice by slice: no model lies in memory. The same answer to the same task comes to the same bytes, in a simulation and at a site.
 */
export interface ResultFilter<Name extends ResultFilterName = ResultFilterName> {
  /** Returns the answer as it goes on. Whatever it throws fails the task, and nothing leaves. */
  apply(answer: Answer, options: ResultFilterOptions<Name>, context: FilterContext): Promise<Answer>;
}

import { rename, rm } from 'node:fs/promises';
import type { ErrorCode } from '../../base/errors/catalog.ts';
import { flError, toNeuroflareError } from '../../base/errors/errors.ts';
import { reasonOf } from '../../base/errors/reason-of.ts';
import type { ResultFilterName, ResultFilterSpec } from '../../job/result-filters.ts';
import type { Answer, AnswerFile } from '../answer.ts';
import type { Task } from '../task-order.ts';
import type { FilterContext, FilterMeans, ResultFilter } from './filter.ts';
import { RESULT_FILTERS } from './registry.ts';

/** The filters of an answer: the job's, then the site's own. */
export interface FilterChain {
  readonly job: readonly ResultFilterSpec[];
  readonly site: readonly ResultFilterSpec[];
}

export interface FilteredTask extends FilterMeans {
  readonly task: Task;
  /** Path of the model that the site received. */
  readonly model: string;
  readonly site: string;
}

/** Not the filter's fault: their own words say what to do. */
const OF_THE_MACHINE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NF_DISK_FULL',
  'NF_FILES_OPEN',
  'NF_MEMORY_FULL',
]);

/**
 * The answer as it may leave the site, its files where they were before.
 * @throws NF_FILTER_FAILED with site and filter; nothing has left then
 */
export async function applyFilters(answer: Answer, chain: FilterChain, at: FilteredTask): Promise<Answer> {
  const steps = (['job', 'site'] as const).flatMap((owner) => chain[owner].map((spec) => ({ owner, spec })));
  const made: string[] = [];
  try {
    let filtered = answer;
    for (const [index, { owner, spec }] of steps.entries()) {
      const target = (name: string) => {
        const path = `${answer.files[name]?.path ?? ''}.filter-${index}`;
        made.push(path);
        return path;
      };
      filtered = await applyOne(filtered, spec, { ...at, owner, target });
    }
    const files: Record<string, AnswerFile> = {};
    for (const [name, file] of Object.entries(filtered.files)) {
      const path = answer.files[name]?.path ?? file.path;
      if (file.path !== path) await rename(file.path, path);
      files[name] = { ...file, path };
    }
    return { ...filtered, files };
  } finally {
    await Promise.all(made.map((one) => rm(one, { force: true })));
  }
}

async function applyOne(
  answer: Answer,
  spec: ResultFilterSpec,
  context: FilterContext & { readonly site: string },
): Promise<Answer> {
  const { site, owner, task } = context;
  // The registry has for each name the filter that takes its options.
  const filter = RESULT_FILTERS[spec.name] as ResultFilter<ResultFilterName>;
  try {
    return await filter.apply(answer, spec, context);
  } catch (thrown) {
    const error = toNeuroflareError(thrown);
    if (OF_THE_MACHINE.has(error.code)) throw error;
    const reason = (error.code === 'NF_INTERNAL' ? reasonOf(thrown) : error.message).replace(/\.$/, '');
    const params = { filter: spec.name, owner, site, reason };
    throw flError('NF_FILTER_FAILED', params, { place: { site, round: task.round }, cause: thrown });
  }
}

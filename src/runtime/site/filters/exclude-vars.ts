import { openTensorFile } from '../../base/tensors/tensor-file.ts';
import { isExcluded } from '../../job/result-filters.ts';
import type { ResultFilter } from './filter.ts';
import { writeTensors } from './write-tensors.ts';

/** nvflare's ExcludeVars: arrays that stay at the site. */
export const excludeVars: ResultFilter<'exclude_vars'> = {
  apply: async (answer, options, { target, owner }) => {
    if (!answer.update) return answer;
    const file = await openTensorFile(answer.update.path);
    try {
      const entries = file.layout.filter(({ name }) => !isExcluded(name, options));
      const patterns = [options.exclude_vars].flat().join(', ');
      if (entries.length === 0 && file.layout.length > 0)
        throw new Error(`no array is left to send: all are excluded by ${patterns}`);
      if (entries.length < file.layout.length)
        return { ...answer, update: await writeTensors(target, { file, entries }) };
      // A site's own word stands for models of many jobs.
      if (owner === 'site') return answer;
      throw new Error(`no array of the update has a name like ${patterns}`);
    } finally {
      await file.close();
    }
  },
};

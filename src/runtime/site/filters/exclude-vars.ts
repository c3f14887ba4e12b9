import { openTensorFile } from '../../base/tensors/tensor-file.ts';
import { partedBy } from '../../base/text/name-patterns.ts';
import { exclusionOf } from '../../job/result-filters.ts';
import type { ResultFilter } from './filter.ts';
import { changeArrays, writeTensors } from './write-tensors.ts';

/** nvflare's ExcludeVars: arrays that stay at the site, of the model and of all that comes beside it. */
export const excludeVars: ResultFilter<'exclude_vars'> = {
  apply: async (answer, options, { target, owner, task }) => {
    const isExcluded = exclusionOf(options);
    const patterns = [options.exclude_vars].flat().join(', ');
    return changeArrays(answer, task, async (sent, name) => {
      const file = await openTensorFile(sent.path);
      try {
        const { others: entries } = await partedBy(file.layout, isExcluded);
        if (entries.length === 0 && file.layout.length > 0)
          throw new Error(`no array is left to send: all are excluded by ${patterns}`);
        if (entries.length < file.layout.length) return await writeTensors(target(name), { file, entries });
        // A site's own word stands for models of many jobs, and what comes beside a model may lack arrays.
        if (owner === 'site' || name !== 'model') return sent;
        throw new Error(`no array of the update has a name like ${patterns}`);
      } finally {
        await file.close();
      }
    });
  },
};

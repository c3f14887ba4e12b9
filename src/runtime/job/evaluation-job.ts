import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bundle, JOB_FILE, writeBundle } from './bundle.ts';
import { jobYaml } from './job-yaml.ts';
import { loadJob } from './load.ts';
import { jobFileSchema } from './schema.ts';

const LONGEST_NAME = 64;
const ENDING = '-evaluation';

/**
 * Lays out the job by which sites judge the model of another one: the same code, network and data, in which nothing is trained. Whoever has
 * approved the code of the one has approved that of the other.
 * @param model file of the trained model, outside the folder
 */
export async function writeEvaluationJob(
  bundle: Bundle,
  folder: string,
  { model, sites }: { readonly model: string; readonly sites: number | undefined },
): Promise<void> {
  await writeBundle(bundle, folder);
  const { value } = await loadJob(folder);
  const { name, workflow, model: network, task_result_filters: _, ...rest } = jobFileSchema.parse(value);
  const job = {
    ...rest,
    name: `${name.slice(0, LONGEST_NAME - ENDING.length)}${ENDING}`,
    description: `The model of ${name}, judged by its sites on their own test images.`,
    workflow: {
      type: 'evaluation',
      num_rounds: 1,
      key_metric: 'balanced_accuracy',
      ...(sites !== undefined && { n_clients: sites }),
      site_timeout: workflow.site_timeout,
    },
    model: { ...network, import: model },
  };
  await rm(join(folder, JOB_FILE));
  await writeFile(join(folder, JOB_FILE), jobYaml(job));
  await loadJob(folder);
}

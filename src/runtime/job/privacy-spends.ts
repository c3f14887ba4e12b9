import { isArrays } from '../algorithms/task.ts';
import type { Asked } from '../privacy/spending.ts';
import type { JobDefinition } from './definition.ts';
import { noiseOfJob } from './privacy.ts';
import { tasksOf } from './workflow-tasks.ts';

type Spends = Asked['spends'];

/** What a task of a job costs the people of a site; nothing where the job promises nothing, or the task looks at nobody within the promise. */
export function spendsOfTask(job: JobDefinition, { name }: { readonly name: string }): Spends {
  const { privacy, workflow } = job;
  if (!privacy || !trains(job, name)) return [];
  const { samplingRate: rate, stepsPerRound: steps } = privacy;
  return [{ part: 'train', rate, sigma: noiseOfJob(workflow, privacy), steps }];
}

/** What all rounds of a job cost a site that takes part in each. */
export function spendsOfJob(job: JobDefinition): Spends {
  const names = Object.keys(tasksOf(job));
  return names
    .flatMap((name) => spendsOfTask(job, { name }))
    .map((spend) => ({ ...spend, steps: spend.steps * job.workflow.numRounds }));
}

function trains(job: JobDefinition, name: string): boolean {
  const form = tasksOf(job)[name]?.answer.model?.form;
  return form !== undefined && isArrays(form);
}

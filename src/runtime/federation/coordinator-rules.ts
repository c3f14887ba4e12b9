import { z } from 'zod';
import { type TaskForm, VALIDATE } from '../algorithms/task.ts';
import type { RoundRules } from '../algorithms/workflow.ts';
import { type RunPlan, requireEnough } from '../job/plan.ts';
import type { SecureAggregation } from '../job/secure-aggregation.ts';
import { networkTasksOf } from '../job/secure-tasks.ts';
import { tasksOf } from '../job/workflow-tasks.ts';
import type { Goal } from '../run/best-model.ts';
import type { Alike } from '../run/pool-reports.ts';

/** What a job asks of its rounds. */
export interface CoordinatorRules extends Goal {
  readonly minClients: number;
  /** Sites without which no round is closed. */
  readonly mandatory: readonly string[];
  /** Seconds; undefined waits for every site that has not failed. */
  readonly waitTimeAfterMinReceived: number | undefined;
  /** Results that make a round; undefined: of all sites. */
  readonly clientsPerRound: number | undefined;
  readonly overSelection: number;
  readonly numRounds: number;
  readonly seed: number;
  readonly jobName: string;
  /** What the job says its sites count by: the classes of its model, where it names them. */
  readonly alike?: Alike;
  /** Scripts of nvflare need not report the key metric: without it no model is the best one. */
  readonly mayLackKeyMetric?: boolean;
  /** Updates are summed up on a grid; undefined: in float64. */
  readonly secureAggregation?: SecureAggregation | undefined;
  /** What sites may be asked for, by name. */
  readonly tasks: Readonly<Record<string, TaskForm>>;
}

/** The rules a job sets. @param over where its sites are @throws NF_JOB_TOO_FEW_SITES */
export function rulesOf(
  { job, minClients }: Pick<RunPlan, 'job' | 'minClients'>,
  over: 'network' | 'threads' = 'threads',
): CoordinatorRules {
  const named = z.array(z.string()).safeParse(job.model.kind === 'built' && job.model.spec.classes);
  const alike = named.success ? { classes: named.data } : {};
  requireEnough(job.workflow, minClients);
  const tasks = over === 'network' ? networkTasksOf(job) : tasksOf(job);
  const { seed, name: jobName, secureAggregation } = job;
  const mayLackKeyMetric = job.executor.type === 'python';
  return { ...job.workflow, minClients, seed, jobName, tasks, alike, secureAggregation, mayLackKeyMetric };
}

/** Those of one round with these members. */
export function roundRules(
  { minClients, mandatory, waitTimeAfterMinReceived, clientsPerRound }: CoordinatorRules,
  members: readonly string[],
  task: string,
): RoundRules {
  return {
    minClients,
    mandatory,
    ...(waitTimeAfterMinReceived !== undefined && { waitTimeAfterMinReceived }),
    ...(clientsPerRound !== undefined && clientsPerRound < members.length && { target: clientsPerRound }),
    // A site can make a model that nobody can score: that is no reason to end what all have trained.
    ...(task === VALIDATE && { mayFail: true }),
  };
}

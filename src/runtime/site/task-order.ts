import type { JobDefinition } from '../job/definition.ts';
import { argsOfSite } from '../job/plan.ts';
import type { TaskKind } from '../run/events.ts';
import type { SiteData } from './client-api/fl-model.ts';
import type { TaskOrder } from './executor/messages.ts';
import type { CodePlace } from './script/resolve-hooks.ts';

/** What a site is to do. */
export interface Task {
  readonly kind: TaskKind;
  /** From 1. */
  readonly round: number;
  readonly totalRounds: number;
  /** Seed of (job, site, round). */
  readonly seed: number;
}

/** Where a task finds its files, and where its script leaves what it sends; absolute paths. */
export interface TaskPlaces {
  readonly code: CodePlace;
  readonly data: SiteData | undefined;
  readonly model: string;
  /** What the site kept. */
  readonly state: string | undefined;
  readonly home?: string;
  readonly output: TaskOrder['output'];
}

/** The order for whoever runs the script of a task. */
export function taskOrder(
  task: Task,
  { site, job }: { readonly site: string; readonly job: JobDefinition },
  { code, data, model, state, home, output }: TaskPlaces,
): TaskOrder {
  const { options } = job.workflow;
  return {
    task: {
      context: {
        kind: task.kind,
        site,
        seed: task.seed,
        totalRounds: task.totalRounds,
        currentRound: task.round,
        jobName: job.name,
        args: argsOfSite(job, site),
        data,
        model: job.model.kind === 'built' ? job.model.spec : undefined,
        ...('proximal_mu' in options && { proximalMu: options.proximal_mu }),
      },
      code,
      script: job.executor.trainScript,
      modelPath: model,
      statePath: state,
    },
    ...(home !== undefined && { home }),
    output,
  };
}

import { rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TaskMessage, TaskOrder } from '../executor/messages.ts';
import type { JobDefinition } from '../job/definition.ts';
import { argsOfSite } from '../job/plan.ts';
import { type ErrorReport, flError, toNeuroflareError } from '../kernel/errors.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import type { EngineUse } from '../telemetry/run-events.ts';
import { fitReport } from '../wire/shapes.ts';
import type { AssignedTask, TaskResult } from '../wire/site.ts';
import { makeFolder } from '../workspace/files.ts';
import type { JobLog } from './job-log.ts';
import { JobProcess, type JobProcessOptions } from './job-process.ts';
import type { Outbox } from './outbox.ts';

export interface TaskRunnerOptions extends Omit<JobProcessOptions, 'onText'> {
  readonly site: string;
  readonly job: JobDefinition;
  readonly log: JobLog;
}

export interface TaskWatch {
  readonly signal: AbortSignal;
  readonly onMessage: (message: TaskMessage) => void;
}

interface FinishedAttempt {
  readonly attempt: number;
  /** Of the monotonic clock, in milliseconds. */
  readonly began: number;
  readonly engine: EngineUse | undefined;
  readonly message: TaskMessage & { type: 'result' };
}

/** Times a task is begun again when its process was killed from outside. */
const MOST_ATTEMPTS = 3;

/** Runs the tasks of one job at this site: from a model on disk to an answer on disk. */
export class TaskRunner {
  readonly #options: TaskRunnerOptions;
  readonly #process: JobProcess;

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
    this.#process = new JobProcess({ ...options, onText: (text) => options.log.print(text) });
  }

  /** An answer that can be sent, and sent again after a restart. Rejects only when it is stopped. */
  async run(task: AssignedTask, watch: TaskWatch): Promise<Outbox> {
    const began = performance.now();
    let killed = '';
    let engine: EngineUse | undefined;
    const onMessage = (message: TaskMessage) => {
      if (message.type === 'engine') engine = message.engine;
      watch.onMessage(message);
    };
    for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
      const outcome = await this.#attempt(task, { ...watch, onMessage });
      if (outcome.type === 'failure') return this.#failure(task, attempt, outcome.error);
      if (outcome.type === 'result') {
        faultPoint('client:computed');
        return this.#result(task, { attempt, began, engine, message: outcome.message });
      }
      killed = outcome.signal;
      this.#options.log.write('warn', `the process was killed (${killed}); the task begins again`);
    }
    const error = flError('NF_SITE_PROCESS', { times: MOST_ATTEMPTS, signal: killed });
    return this.#failure(task, MOST_ATTEMPTS, error.report());
  }

  close(): Promise<void> {
    return this.#process.kill();
  }

  async #attempt(task: AssignedTask, { signal, onMessage }: TaskWatch) {
    try {
      const order = await this.#order(task);
      const limit = this.#options.job.executor.taskTimeout;
      return await this.#process.run({ order, limit, onMessage, signal });
    } catch (thrown) {
      signal.throwIfAborted();
      return { type: 'failure', error: toNeuroflareError(thrown).report() } as const;
    }
  }

  async #order(task: AssignedTask): Promise<TaskOrder> {
    const { folder, job, site, data } = this.#options;
    const state = task.state_sha256 === undefined ? undefined : folder.state(task.state_sha256);
    if (state && !(await stat(state).catch(() => undefined))) throw flError('NF_SITE_STATE_LOST');
    await rm(folder.work, { recursive: true, force: true });
    await makeFolder(folder.work);
    return {
      task: {
        context: {
          kind: task.kind,
          site,
          seed: task.seed,
          totalRounds: task.total_rounds,
          currentRound: task.round,
          jobName: job.name,
          framework: job.executor.framework,
          args: argsOfSite(job, site),
          data: data === undefined ? undefined : { root: data, site },
          model: job.model.kind === 'built' ? job.model.spec : undefined,
        },
        code: { bundle: folder.bundle, source: folder.bundle },
        script: job.executor.trainScript,
        modelPath: folder.model(task.model.sha256),
        statePath: state,
      },
      output: { root: folder.root, update: 'work/update.safetensors', state: 'work/state.bin' },
    };
  }

  async #result(task: AssignedTask, { attempt, began, engine, message }: FinishedAttempt): Promise<Outbox> {
    const { update, state, paramsType, numExamples, metrics } = message.result;
    const { folder } = this.#options;
    if (state) {
      await makeFolder(dirname(folder.state(state.sha256)));
      await rename(join(folder.root, state.path), folder.state(state.sha256));
    }
    const file = update && join(folder.root, update.path);
    const result: TaskResult = {
      round: task.round,
      attempt,
      encoding: 'safetensors',
      ...(engine && { engine }),
      params_type: paramsType,
      num_examples: numExamples,
      metrics: metrics as TaskResult['metrics'],
      seconds: Math.round(performance.now() - began) / 1000,
      ...(update && file && { update: { sha256: update.sha256, size: (await stat(file)).size } }),
      ...(state && { state_sha256: state.sha256 }),
    };
    return { round: task.round, model_sha256: task.model.sha256, answer: { result, ...(file && { file }) } };
  }

  #failure({ round, model }: AssignedTask, attempt: number, report: ErrorReport): Outbox {
    const { site, log } = this.#options;
    const error = fitReport({ ...report, place: { ...report.place, site, round } });
    log.write('error', `${error.code}: ${error.message}`);
    return { round, model_sha256: model.sha256, answer: { failure: { round, attempt, error } } };
  }
}

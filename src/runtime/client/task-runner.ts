import { rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { TaskMessage, TaskOrder } from '../executor/messages.ts';
import { readBundle } from '../job/bundle.ts';
import type { JobDefinition } from '../job/definition.ts';
import { argsOfSite } from '../job/plan.ts';
import type { ErrorCode } from '../kernel/catalog.ts';
import { sha256File } from '../kernel/digest.ts';
import { type ErrorReport, flError, toNeuroflareError } from '../kernel/errors.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import { TASK_LIMITS } from '../kernel/limits.ts';
import type { EngineUse } from '../run/events.ts';
import { requireJobUser } from '../security/policy/job-user.ts';
import { fitReport } from '../wire/shapes.ts';
import { type AssignedTask, taskResult } from '../wire/site.ts';
import { makeFolder } from '../workspace/files.ts';
import { beginAttempt, endAttempts } from './attempts.ts';
import { engineFacts } from './engine-facts.ts';
import type { JobLog } from './job-log.ts';
import { JobProcess, type JobProcessOptions, type TaskOutcome } from './job-process.ts';
import type { Outbox } from './outbox.ts';
import { takeState, takeUpdate } from './take-file.ts';

export interface TaskRunnerOptions extends Omit<JobProcessOptions, 'onText'> {
  readonly site: string;
  readonly job: JobDefinition;
  /** Of the job's files as they were accepted: looked at before each task. */
  readonly bundleSha256?: string;
  readonly log: JobLog;
}

export interface TaskWatch {
  readonly signal: AbortSignal;
  readonly onMessage: (message: TaskMessage) => void;
}

type Settled = Exclude<TaskOutcome, { type: 'killed' }>;

interface FinishedAttempt {
  readonly attempt: number;
  /** Of the monotonic clock, in milliseconds. */
  readonly began: number;
  readonly engine: EngineUse | undefined;
  readonly message: TaskMessage & { type: 'result' };
}

/** Where a script's results are put, from the job's folder. */
const OUTPUT = { update: 'work/update.safetensors', state: 'work/state.bin' } as const;
/** Times a task is begun whose process, or client, is ended from outside before it is done. */
export const MOST_ATTEMPTS = TASK_LIMITS.beginnings.most;
/** Failures of the machine that may have passed a moment later: a task that meets one is begun once more. */
const PASSING: ReadonlySet<string> = new Set<ErrorCode>([
  'NF_DISK_FULL',
  'NF_STORE_DISK',
  'NF_FILES_OPEN',
  'NF_MEMORY_FULL',
  'NF_SCRIPT_START',
]);
const PASSING_PAUSE_MS = 1000;

/** Runs the tasks of one job at this site: from a model on disk to an answer on disk. */
export class TaskRunner {
  readonly #options: TaskRunnerOptions;
  readonly #process: JobProcess;
  /** The state that is known to be whole. */
  #whole: string | undefined;

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
    this.#process = new JobProcess({ ...options, onText: (text) => options.log.print(text) });
  }

  /** An answer that can be sent, and sent again after a restart. Rejects only when it is stopped. */
  async run(task: AssignedTask, watch: TaskWatch): Promise<Outbox> {
    const began = performance.now();
    let engine: EngineUse | undefined;
    const onMessage = (message: TaskMessage) => {
      if (message.type === 'engine') engine = message.engine;
      watch.onMessage(message);
    };
    const { attempt, outcome } = await this.#outcome(task, { ...watch, onMessage });
    if (outcome.type === 'failure') return this.#failure(task, attempt, outcome.error);
    faultPoint('client:computed');
    return this.#result(task, { attempt, began, engine, message: outcome.message }).catch((thrown: unknown) =>
      this.#failure(task, attempt, toNeuroflareError(thrown).report()),
    );
  }

  /** Begins the task, and again where something outside the script ended it; every beginning counts, also those of an earlier start. */
  async #outcome(task: AssignedTask, watch: TaskWatch): Promise<{ attempt: number; outcome: Settled }> {
    const { folder, log } = this.#options;
    let last = 'with the client';
    for (let hasPassed = false; ; ) {
      const attempt = await beginAttempt(folder, taskKey(task), (trouble) =>
        log.write('warn', `${trouble.code}: ${trouble.message} ${trouble.hint}`),
      );
      const outcome = attempt > MOST_ATTEMPTS ? endless(last) : await this.#attempt(task, watch);
      if (outcome.type === 'killed') {
        last = outcome.signal;
        log.write('warn', `the process was ended (${last}); the task begins again`);
        continue;
      }
      if (outcome.type === 'failure' && PASSING.has(outcome.error.code) && !hasPassed) {
        hasPassed = true;
        log.write('warn', `${outcome.error.code}: ${outcome.error.message} The task begins again, once.`);
        await sleep(PASSING_PAUSE_MS, undefined, { signal: watch.signal });
        continue;
      }
      await endAttempts(folder);
      return { attempt: Math.min(attempt, MOST_ATTEMPTS), outcome };
    }
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
    const { folder, job, site, data, policy } = this.#options;
    const { bundleSha256: accepted } = this.#options;
    if (accepted !== undefined && (await readBundle(folder.bundle)).sha256 !== accepted)
      throw flError('NF_JOB_FILES_CHANGED');
    const state = task.state_sha256 === undefined ? undefined : folder.state(task.state_sha256);
    if (state) await this.#requireState(state);
    await rm(folder.work, { recursive: true, force: true });
    await makeFolder(folder.work);
    await makeFolder(folder.home);
    if (typeof policy.run_as === 'object') await requireJobUser(policy.run_as, { work: folder.work, data });
    return {
      task: {
        context: {
          kind: task.kind,
          site,
          seed: task.seed,
          totalRounds: task.total_rounds,
          currentRound: task.round,
          jobName: job.name,
          args: argsOfSite(job, site),
          data: data === undefined ? undefined : { root: data, site },
          model: job.model.kind === 'built' ? job.model.spec : undefined,
        },
        code: { bundle: folder.bundle, source: folder.bundle },
        script: job.executor.trainScript,
        modelPath: folder.model(task.model.sha256),
        statePath: state,
      },
      output: { root: folder.root, ...OUTPUT },
    };
  }

  /** Made by this process, or looked at: a disk may have damaged it since. @throws NF_SITE_STATE_LOST */
  async #requireState(path: string): Promise<void> {
    const lost = (reason: string) => flError('NF_SITE_STATE_LOST', { reason }, { place: { file: path } });
    if (!(await stat(path).catch(() => undefined))) throw lost('its file is missing');
    if (this.#whole === path) return;
    const found = await sha256File(path).catch((thrown: unknown) => toNeuroflareError(thrown).message);
    if (found !== basename(path)) throw lost('its file is damaged');
    this.#whole = path;
  }

  async #result(task: AssignedTask, { attempt, began, engine, message }: FinishedAttempt): Promise<Outbox> {
    const { update, state, paramsType, numExamples, metrics } = message.result;
    const { folder } = this.#options;
    const file = update && folder.update;
    const model = folder.model(task.model.sha256);
    const size = file && (await takeUpdate(join(folder.root, OUTPUT.update), file, model));
    const kept = state && (await takeState(join(folder.root, OUTPUT.state), folder));
    if (kept !== undefined) this.#whole = folder.state(kept);
    const facts = engine && engineFacts(engine);
    // What a script's process says is not trusted to be what our code in it would say.
    const told = taskResult.safeParse({
      round: task.round,
      attempt,
      encoding: 'safetensors',
      ...(facts && { engine: facts }),
      params_type: paramsType,
      num_examples: numExamples,
      metrics,
      seconds: Math.round(performance.now() - began) / 1000,
      ...(update && { update: { sha256: update.sha256, size } }),
      ...(kept !== undefined && { state_sha256: kept }),
    });
    if (!told.success) throw flError('NF_RESULT_INVALID', { reason: z.prettifyError(told.error) });
    const result = told.data;
    return { round: task.round, model_sha256: task.model.sha256, answer: { result, ...(file && { file }) } };
  }

  #failure({ round, model }: AssignedTask, attempt: number, report: ErrorReport): Outbox {
    const { site, log } = this.#options;
    const error = fitReport({ ...report, place: { ...report.place, site, round } });
    log.write('error', `${error.code}: ${error.message}`);
    return { round, model_sha256: model.sha256, answer: { failure: { round, attempt, error } } };
  }
}

/** The same round with another model is another task. */
export function taskKey({ round, model, state_sha256: state = '' }: AssignedTask): string {
  return `${round} ${model.sha256} ${state}`;
}

function endless(last: string): Settled {
  const error = flError('NF_SITE_PROCESS', { times: MOST_ATTEMPTS, signal: last });
  return { type: 'failure', error: error.report() };
}

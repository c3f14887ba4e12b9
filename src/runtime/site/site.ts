import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isEvaluationTask } from '../algorithms/evaluation/tasks.ts';
import { isHarmoniseTask } from '../algorithms/harmonisation/tasks.ts';
import { broughtBy, isArrays } from '../algorithms/task.ts';
import type { ErrorCode } from '../base/errors/catalog.ts';
import { type ErrorReport, flError, toNeuroflareError } from '../base/errors/errors.ts';
import { faultPoint } from '../base/errors/fault-point.ts';
import { makeFolder } from '../base/files/files.ts';
import type { MetricReport } from '../base/logging/metrics.ts';
import type { JobDefinition } from '../job/definition.ts';
import { localTensorsOf } from '../job/local-tensors.ts';
import { personalTensorsOf } from '../job/personal-tensors.ts';
import type { ResultFilterSpec } from '../job/result-filters.ts';
import { hasOwnModels } from '../job/workflow-tasks.ts';
import { fitReport } from '../network/messages/fit-report.ts';
import { requireDeclared } from '../run/declared.ts';
import { DATA_STATISTICS, withheldFigure } from '../run/site-statistics.ts';
import { statisticsOf } from '../run/statistics-of.ts';
import { requireValues } from '../run/task-values.ts';
import type { Answer, AnswerFile, TaskEnd } from './answer.ts';
import type { Executor, TaskEvent, TaskOutcome } from './executor/executor.ts';
import type { ScriptAnswer } from './executor/messages.ts';
import { applyFilters } from './filters/apply-filters.ts';
import type { FilterMeans } from './filters/filter.ts';
import { keepRemains, type TakenAnswer, withholdLocal } from './local-tensors.ts';
import { keepOwn } from './own-models.ts';
import { packAnswer } from './packing/pack-answer.ts';
import { toldPrivately, toldSeconds } from './private-answer.ts';
import type { KeptFile, TaskFiles } from './task-files.ts';
import { type Task, taskOrder } from './task-order.ts';
import { writeOwnModel } from './write-own.ts';

/** How often a task was begun at this site. */
export interface Beginnings {
  /** One more; returns how often, with this one. */
  begin(): Promise<number>;
  /** The task has come to an end. */
  end(): Promise<void>;
}

export interface SiteDeps {
  readonly site: string;
  readonly job: JobDefinition;
  readonly executor: Executor;
  /** Times a task is begun whose process, or client, is ended from outside before it is done. */
  readonly mostBeginnings: number;
  /** Filters that the site puts behind those of the job; asked for each answer. */
  readonly ownFilters: () => Promise<readonly ResultFilterSpec[]>;
  /** People that a count in `data_statistics`, and a sum for harmonisation and of an evaluation, must be over, as this site asks for. */
  readonly leastPeople: () => Promise<number>;
  readonly means: FilterMeans;
  /** For people at the site. */
  readonly warn: (text: string) => void;
}

export interface TaskRequest {
  readonly task: Task;
  readonly files: TaskFiles;
  readonly beginnings: Beginnings;
  readonly signal: AbortSignal;
  readonly emit: (event: TaskEvent) => void;
}

/** One site: runs its tasks, from a model on disk to an answer on disk. The same for a simulation and a client. */
export interface Site {
  /** Rejects only when it is stopped. */
  run(request: TaskRequest): Promise<TaskEnd>;
}

type Settled = Exclude<TaskOutcome, { type: 'killed' }>;

/** Failures of the machine that may have passed a moment later: a task that meets one is begun once more. */
const PASSING: ReadonlySet<string> = new Set<ErrorCode>([
  'NF_DISK_FULL',
  'NF_STORE_DISK',
  'NF_FILES_OPEN',
  'NF_MEMORY_FULL',
  'NF_SCRIPT_START',
]);
const PASSING_PAUSE_MS = 1000;

export function createSite(deps: SiteDeps): Site {
  return {
    run: async (request) => {
      const { attempt, outcome, seconds } = await settled(request, deps);
      if (outcome.type === 'failure') return { attempt, failure: placed(outcome.error, request, deps) };
      faultPoint('client:computed');
      try {
        const answer = await answerOf(outcome.answer, { request, seconds, deps });
        request.signal.throwIfAborted();
        return { attempt, answer };
      } catch (thrown) {
        request.signal.throwIfAborted();
        return { attempt, failure: placed(toNeuroflareError(thrown).report(), request, deps) };
      }
    },
  };
}

interface Finished {
  readonly attempt: number;
  readonly outcome: Settled;
  /** Since it began for the last time. */
  readonly seconds: number;
}

/** Begins the task, and again where something outside the script ended it; every beginning counts, also those of an earlier start. */
async function settled(request: TaskRequest, deps: SiteDeps): Promise<Finished> {
  const { beginnings, signal } = request;
  const { mostBeginnings: most, warn } = deps;
  let last = 'with the client';
  let began = performance.now();
  const emit = (event: TaskEvent) => {
    if (event.type === 'started') began = performance.now();
    request.emit(event);
  };
  for (let hasPassed = false; ; ) {
    const attempt = await beginnings.begin();
    const outcome = attempt > most ? endless(last, most) : await once({ ...request, emit }, deps);
    const seconds = (performance.now() - began) / 1000;
    if (outcome.type === 'killed') {
      last = outcome.signal;
      if (attempt < most) warn(`the process was ended (${last}); the task begins again`);
      continue;
    }
    if (outcome.type === 'failure' && PASSING.has(outcome.error.code) && !hasPassed && most > 1) {
      hasPassed = true;
      warn(`${outcome.error.code}: ${outcome.error.message} The task begins again, once.`);
      await sleep(PASSING_PAUSE_MS, undefined, { signal });
      continue;
    }
    await beginnings.end();
    return { attempt: Math.min(attempt, most), outcome, seconds };
  }
}

async function once({ task, files, signal, emit }: TaskRequest, deps: SiteDeps): Promise<TaskOutcome> {
  const { executor, job } = deps;
  try {
    const tellsSums = isHarmoniseTask(task.name) || isEvaluationTask(task.name);
    const leastPeople = tellsSums ? await deps.leastPeople() : undefined;
    const order = taskOrder(task, { ...deps, leastPeople }, await files.prepare());
    return await executor.run(order, { signal, emit, limit: job.executor.taskTimeout });
  } catch (thrown) {
    signal.throwIfAborted();
    const error = toNeuroflareError(thrown);
    // Its executor was closed: the site is at its end, and has not failed.
    if (error.code === 'NF_INTERRUPTED') throw error;
    return { type: 'failure', error: error.report() };
  }
}

interface Parts {
  readonly request: TaskRequest;
  readonly seconds: number;
  readonly deps: SiteDeps;
}

/** The one place where an answer is put together. */
async function answerOf(
  { files: left, state, ...given }: ScriptAnswer,
  { request: { task, files, signal }, seconds, deps }: Parts,
): Promise<Answer> {
  const { site, job, ownFilters, means } = deps;
  const { job: asked } = deps;
  const tellables = { ...given, metrics: await tellable(given.metrics, deps) };
  const said = toldPrivately(tellables, asked, task);
  requireDeclared(left, broughtBy(task.form), task.id);
  requireValues(said.values ?? {}, task.form, task.id);
  const taken = await take({ left, state }, { files, signal });
  const own = await withheld(
    { ...taken, task, paramsType: said.paramsType, metrics: said.metrics },
    { files, deps },
  );
  const answer: Answer = {
    paramsType: said.paramsType,
    numExamples: said.numExamples,
    metrics: said.metrics,
    statistics: statisticsOf(said.metrics, said.numExamples),
    files: own.files,
    ...(said.values && { values: said.values }),
    state: own.state?.sha256,
    engine: said.engine,
    seconds: toldSeconds(seconds, asked),
  };
  const chain = { job: job.resultFilters, site: await ownFilters() };
  const filtered = await applyFilters(answer, chain, { ...means, task, model: files.model, site });
  return packedAnswer(filtered, own.state, { task, files, filters: chain.site, deps });
}

interface Packing {
  readonly task: Task;
  readonly files: TaskFiles;
  /** The site's own. */
  readonly filters: readonly ResultFilterSpec[];
  readonly deps: SiteDeps;
}

/** The answer as it travels, with what the site keeps from now on. @param state what it keeps without what does not travel */
async function packedAnswer(
  answer: Answer,
  state: KeptFile | undefined,
  { task, files, filters, deps: { site, job, means } }: Packing,
): Promise<Answer> {
  const { packing, workflow } = job;
  const isPacked = Object.keys(answer.files).some((name) => isArrays(task.form.answer[name]?.form));
  if (packing && isPacked) requireNoClip(filters, packing, { site, task });
  const { answer: sent, remains } =
    packing && isPacked
      ? await packAnswer(answer, { task, packing, model: files.model, kept: files.kept })
      : { answer, remains: undefined };
  const patterns = localTensorsOf(workflow);
  // What the script keeps lies with what did not travel, whatever the task.
  const kept =
    packing?.name === 'top_k' && (remains || state)
      ? await keepRemains(state, remains ?? {}, { task, patterns, files, means })
      : state;
  return { ...sent, state: kept && (await files.keep(kept)) };
}

/** Numbers that are rounded, or left for the next round, may be longer than a site wants them to be. @throws NF_FILTER_FAILED */
function requireNoClip(
  filters: readonly ResultFilterSpec[],
  { name }: { readonly name: string },
  { site, task: { round } }: { readonly site: string; readonly task: Task },
): void {
  if (!filters.some((filter) => filter.name === 'norm_clip')) return;
  const reason = `the job packs updates (${name}), which may be longer then than max_norm`;
  throw flError(
    'NF_FILTER_FAILED',
    { filter: 'norm_clip', owner: 'site', site, reason },
    { place: { site, round } },
  );
}

/** Without what stays at the site, which has it from now on. */
async function withheld(
  taken: TakenAnswer & { readonly metrics: Answer['metrics'] },
  { files, deps: { job, means } }: { readonly files: TaskFiles; readonly deps: SiteDeps },
): Promise<Pick<TakenAnswer, 'files' | 'state'>> {
  const { workflow } = job;
  if (taken.task.form.isLast) {
    await makeFolder(dirname(files.personal));
    await writeOwnModel(files.personal, undefined, { received: files.model, kept: undefined });
  }
  const patterns = localTensorsOf(workflow);
  if (patterns.length > 0) return withholdLocal(taken, { patterns, files, means });
  if (!hasOwnModels(workflow)) return taken;
  return keepOwn(taken, { files, means, goal: workflow, personalTensors: personalTensorsOf(workflow) });
}

/** A script may have counted fewer people than the site lets be told; how many there are is told with what is told of them. */
async function tellable(metrics: MetricReport, { leastPeople }: SiteDeps): Promise<MetricReport> {
  if (!Object.hasOwn(metrics, DATA_STATISTICS)) return metrics;
  const told = withheldFigure(metrics[DATA_STATISTICS], await leastPeople());
  return {
    ...metrics,
    ...(Object.hasOwn(metrics, 'num_examples') && { num_examples: told?.people ?? 0 }),
    [DATA_STATISTICS]: told,
  };
}

/** What the script left, out of its reach. */
async function take(
  { left, state }: { readonly left: ScriptAnswer['files']; readonly state: string | undefined },
  { files, signal }: Pick<TaskRequest, 'files' | 'signal'>,
): Promise<Pick<TakenAnswer, 'files' | 'state'>> {
  const taken: Record<string, AnswerFile> = {};
  for (const [name, sha256] of Object.entries(left)) taken[name] = await files.takeFile(name, sha256);
  return {
    files: taken,
    state: state === undefined ? undefined : await files.takeState(state, signal),
  };
}

/** Whose it is and when is known here; a script can say anything. */
function placed(error: ErrorReport, { task: { round } }: TaskRequest, { site }: SiteDeps): ErrorReport {
  return fitReport({ ...error, place: { ...error.place, site, round } });
}

function endless(signal: string, times: number): Settled {
  return { type: 'failure', error: flError('NF_SITE_PROCESS', { times, signal }).report() };
}

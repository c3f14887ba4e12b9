import { rename, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { broughtBy, type FileRule, partsOfTask } from '../../algorithms/task.ts';
import { toNeuroflareError } from '../../base/errors/errors.ts';
import { LEAST_PEOPLE } from '../../base/least-people.ts';
import type { AnswerListener, Channel, SiteAnswer, SitesNeeded, SiteTask } from '../../federation/channel.ts';
import type { RunPlan } from '../../job/plan.ts';
import { hasOwnModels } from '../../job/workflow-tasks.ts';
import type { FileRef } from '../../run/events.ts';
import { requireIntact } from '../../run/intact.ts';
import { keptFeaturesPath } from '../../run/kept-features.ts';
import { folderFiles } from '../../run/run-files.ts';
import {
  answerPath,
  personalPath,
  RUN_FILES,
  type RunFolder,
  siteHomePath,
  siteLogPath,
  statePath,
} from '../../run/run-folder.ts';
import { unpackTaskFile } from '../../run/task-file.ts';
import type { Answer } from '../../site/answer.ts';
import type { Executor, TaskEvent } from '../../site/executor/executor.ts';
import { NO_BUDGET, secretsOf } from '../../site/filters/means.ts';
import { keepsTensors } from '../../site/kept.ts';
import { createSite, type Site } from '../../site/site.ts';
import type { TaskFiles } from '../../site/task-files.ts';
import { type Moment, SiteLog } from './site-log.ts';

export interface WorkerChannelDeps {
  readonly executor: Executor;
  readonly plan: RunPlan;
  readonly folder: RunFolder;
  /** Folder of the job as the user knows it: errors name files in it. */
  readonly jobFolder: string;
  /** What scripts print, line by line, besides the site's log file. */
  readonly onLog: (site: string, text: string) => void;
}

/** The channel of a simulation: every site of the plan is here, and they share an executor. */
export class WorkerChannel implements Channel {
  readonly #deps: WorkerChannelDeps;
  #listener: AnswerListener | undefined;
  readonly #sites = new Map<string, Site>();
  readonly #logs = new Map<string, SiteLog>();
  /** The present task of each site, and what stops it. */
  readonly #present = new Map<string, { readonly task: string; readonly stop: AbortController }>();
  #hasSaidLeft = false;

  constructor(deps: WorkerChannelDeps) {
    this.#deps = deps;
  }

  /** Threads are always there. */
  async ready({ signal }: Pick<SitesNeeded, 'signal'>): Promise<readonly string[]> {
    signal.throwIfAborted();
    return this.#deps.plan.sites;
  }

  listen(listener: AnswerListener): void {
    this.#listener = listener;
  }

  cancel(task: string): void {
    const { site } = partsOfTask(task);
    const present = this.#present.get(site);
    if (present?.task !== task) return;
    present.stop.abort();
    this.#present.delete(site);
  }

  assign(task: SiteTask): void {
    const { site, round, id } = task;
    const before = this.#present.get(site);
    if (before) this.cancel(before.task);
    const stop = new AbortController();
    this.#present.set(site, { task: id, stop });
    this.#run(task, stop.signal).catch((thrown: unknown) => {
      const error = toNeuroflareError(thrown);
      // Taken back, or stopped by the end of the simulation.
      if (stop.signal.aborted || error.code === 'NF_INTERRUPTED') return;
      this.#emit({
        type: 'failure',
        task: id,
        error: { ...error.report(), place: { ...error.place, site, round } },
      });
    });
  }

  async #run(task: SiteTask, signal: AbortSignal): Promise<void> {
    const { site, round, totalRounds } = task;
    const moment = { round, totalRounds };
    let begun = 0;
    const end = await this.#siteOf(site).run({
      task,
      files: this.#files(task),
      beginnings: { begin: async () => ++begun, end: async () => undefined },
      signal,
      emit: (event) => this.#receive(event, task),
    });
    signal.throwIfAborted();
    this.#logOf(site).end(moment);
    if ('failure' in end) this.#emit({ type: 'failure', task: task.id, error: end.failure });
    else await this.#emitAnswer(end.answer, task, signal);
  }

  /** What cannot be journaled ends the run, which the coordinator knows. */
  #emit(answer: SiteAnswer): void {
    this.#listener?.(answer).catch(() => undefined);
  }

  async #emitAnswer(
    { files: sent, state, engine, encoding: _, ...figures }: Answer,
    task: SiteTask,
    signal: AbortSignal,
  ): Promise<void> {
    const { id, site, form } = task;
    if (engine) this.#emit({ type: 'engine', task: id, engine });
    const files: Record<string, FileRef> = {};
    for (const [name, { sha256 }] of Object.entries(sent)) {
      const rule = form.answer[name];
      if (!rule) continue;
      const path = answerPath(task, name, rule);
      files[name] = { path, sha256: rule.packing ? await this.#unpack({ path, name, rule }, task) : sha256 };
    }
    signal.throwIfAborted();
    const kept = state !== undefined && { state: { path: statePath(task), sha256: state } };
    this.#emit({ type: 'result', task: id, result: { site, ...figures, files, ...kept } });
  }

  /** As a server does: what a packed file stands for takes its place. */
  async #unpack(
    { path, name, rule }: { path: string; name: string; rule: FileRule },
    { id, inputs }: SiteTask,
  ): Promise<string> {
    const { folder } = this.#deps;
    const [packed, model] = [folder.at(path), folder.at(inputs.model.path)];
    const target = `${packed}.unpacked`;
    const sha256 = await unpackTaskFile({ path: packed, model, name, rule, task: id, target });
    await rename(target, packed);
    return sha256;
  }

  #receive(event: TaskEvent, task: SiteTask): void {
    const { id, site } = task;
    if (event.type === 'started') this.#emit({ type: 'started', task: id });
    else if (event.type === 'progress') this.#emit({ ...event, task: id });
    else if (event.type === 'log') this.#log(site, event.text, task);
    else this.#sayLeft(site, event.traces, task);
  }

  #siteOf(site: string): Site {
    const known = this.#sites.get(site);
    if (known) return known;
    const { executor, plan, onLog } = this.#deps;
    const { job } = plan;
    const made = createSite({
      site,
      job,
      executor,
      // Nothing but the user ends the processes of a simulation.
      mostBeginnings: 1,
      ownFilters: async () => [],
      leastPeople: async () => LEAST_PEOPLE,
      // A simulation has no secrets, and repeats itself.
      means: { secrets: secretsOf(async () => Buffer.from(`${job.seed} ${site}`)), budget: NO_BUDGET },
      warn: (text) => onLog(site, `${text}\n`),
    });
    this.#sites.set(site, made);
    return made;
  }

  /** What the threads of this process write is what they say. */
  #files(task: SiteTask): TaskFiles {
    const { folder, jobFolder, plan } = this.#deps;
    const { site, inputs, state, form } = task;
    const { data, workflow } = plan.job;
    const at = (path: string) => resolve(folder.at(path));
    const named = Object.entries(broughtBy(form)).map(([name, rule]) => [
      name,
      at(answerPath(task, name, rule)),
    ]);
    const files: Readonly<Record<string, string>> = Object.fromEntries(named);
    const given = Object.entries(inputs).map(([name, file]) => [name, at(file.path)]);
    return {
      model: at(inputs.model.path),
      kept: state && at(state.path),
      toKeep: at(`${statePath(task)}.kept`),
      personal: at(personalPath(site)),
      prepare: async () => {
        // Values of another run would be trained on without a word.
        if (state && (keepsTensors(plan.job) || hasOwnModels(workflow)))
          await requireIntact(folderFiles(folder), state);
        return {
          code: { bundle: at(RUN_FILES.bundle), source: jobFolder },
          data: data && {
            root: resolve(data.root),
            site,
            ...(data.split !== undefined && { split: resolve(data.split) }),
          },
          inputs: Object.fromEntries(given),
          state: state && at(state.path),
          home: at(siteHomePath(site)),
          features: keptFeaturesPath(folder.root),
          output: { files, state: at(statePath(task)) },
        };
      },
      takeFile: async (name, sha256) => {
        const path = files[name] ?? '';
        return { path, sha256, size: (await stat(path)).size };
      },
      takeState: async (sha256) => ({ path: at(statePath(task)), sha256 }),
      keep: async ({ path, sha256 }) => {
        await rename(path, at(statePath(task)));
        return sha256;
      },
    };
  }

  /** Once for a run: each task is told of the same lines of the script. */
  #sayLeft(site: string, traces: readonly string[], moment: Moment): void {
    if (this.#hasSaidLeft) return;
    this.#hasSaidLeft = true;
    this.#log(
      site,
      `neuroflare: the script leaves something behind (${traces.slice(0, 5).join(', ')}). Each task now starts afresh, ` +
        'which takes time; only flare.saveState passes on.\n',
      moment,
    );
  }

  #log(site: string, text: string, moment: Moment): void {
    this.#logOf(site).print(text, moment);
    this.#deps.onLog(site, text);
  }

  #logOf(site: string): SiteLog {
    const log = this.#logs.get(site) ?? new SiteLog(this.#deps.folder.at(siteLogPath(site)));
    this.#logs.set(site, log);
    return log;
  }
}

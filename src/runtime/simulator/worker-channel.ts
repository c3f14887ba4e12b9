import { resolve } from 'node:path';
import type { TaskMessage, TaskOrder } from '../executor/messages.ts';
import type { WorkerPool } from '../executor/worker-pool.ts';
import type { AnswerListener, Channel, SiteAnswer, SiteTask } from '../federation/channel.ts';
import { argsOfSite, type RunPlan } from '../job/plan.ts';
import type { ScriptTask } from '../train/script/script-runner.ts';
import {
  RUN_FILES,
  type RunFolder,
  siteHomePath,
  siteLogPath,
  statePath,
  updatePath,
} from '../workspace/run-folder.ts';
import { type Moment, SiteLog } from './site-log.ts';

export interface WorkerChannelDeps {
  readonly pool: WorkerPool;
  readonly plan: RunPlan;
  readonly folder: RunFolder;
  /** Folder of the job as the user knows it: errors name files in it. */
  readonly jobFolder: string;
  /** What scripts print, line by line, besides the site's log file. */
  readonly onLog: (site: string, text: string) => void;
}

/** The channel of a simulation: every site's task runs in a thread of the pool. */
export class WorkerChannel implements Channel {
  readonly #deps: WorkerChannelDeps;
  #listener: AnswerListener | undefined;
  readonly #logs = new Map<string, SiteLog>();
  #hasSaidLeft = false;

  constructor(deps: WorkerChannelDeps) {
    this.#deps = deps;
  }

  /** Threads are always there. */
  async ready(): Promise<readonly string[]> {
    return this.#deps.plan.sites;
  }

  listen(listener: AnswerListener): void {
    this.#listener = listener;
  }

  cancel(site: string): void {
    this.#deps.pool.cancel(site);
  }

  assign(task: SiteTask): void {
    const { site, round, totalRounds } = task;
    const { pool, plan } = this.#deps;
    const moment = { round, totalRounds };
    let begun = 0;
    pool.run({
      site,
      order: this.#order(task),
      limit: plan.job.executor.taskTimeout,
      listener: {
        started: () => {
          begun = performance.now();
          this.#tell({ type: 'started', site, round });
        },
        message: (message) =>
          this.#hear(message, { site, moment, seconds: (performance.now() - begun) / 1000 }),
        failed: (error) => {
          this.#logOf(site).end(moment);
          this.#tell({ type: 'failure', site, round, error });
        },
      },
    });
  }

  /** What cannot be journaled ends the run, which the coordinator knows. */
  #tell(answer: SiteAnswer): void {
    this.#listener?.(answer).catch(() => undefined);
  }

  #hear(
    message: TaskMessage,
    { site, moment, seconds }: { site: string; moment: Moment; seconds: number },
  ): void {
    const { round } = moment;
    if (message.type === 'log') this.#log(site, message.text, moment);
    if (message.type === 'left') this.#sayLeft(site, message.traces, moment);
    if (message.type === 'progress' || message.type === 'engine') this.#tell({ ...message, site, round });
    if (message.type === 'result') {
      this.#logOf(site).end(moment);
      const { update, state, ...result } = message.result;
      // Whose it is and where it lies is known here; a script can say anything.
      this.#tell({
        type: 'result',
        round,
        result: {
          ...result,
          site,
          ...(update && { update: { path: updatePath(site, round), sha256: update.sha256 } }),
          ...(state && { state: { path: statePath(site, round), sha256: state.sha256 } }),
          seconds: Math.round(seconds * 1000) / 1000,
        },
      });
    }
  }

  #order(task: SiteTask): TaskOrder {
    const { folder } = this.#deps;
    const { site, round } = task;
    return {
      task: this.#scriptTask(task),
      home: resolve(folder.at(siteHomePath(site))),
      output: { root: resolve(folder.root), update: updatePath(site, round), state: statePath(site, round) },
    };
  }

  #scriptTask(task: SiteTask): ScriptTask {
    const { folder, jobFolder } = this.#deps;
    const { job } = this.#deps.plan;
    const { site, kind, seed, totalRounds } = task;
    const data = job.data && {
      root: resolve(job.data.root),
      site,
      ...(job.data.split !== undefined && { split: resolve(job.data.split) }),
    };
    return {
      context: {
        kind,
        site,
        seed,
        totalRounds,
        currentRound: task.round,
        jobName: job.name,
        args: argsOfSite(job, site),
        data,
        model: job.model.kind === 'built' ? job.model.spec : undefined,
      },
      code: { bundle: resolve(folder.at(RUN_FILES.bundle)), source: jobFolder },
      script: job.executor.trainScript,
      modelPath: resolve(folder.at(task.model.path)),
      statePath: task.state && resolve(folder.at(task.state.path)),
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

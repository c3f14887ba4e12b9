import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
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
    const { site, round } = task;
    const { pool, plan } = this.#deps;
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
          this.#hear(message, { site, round, seconds: (performance.now() - begun) / 1000 }),
        failed: (error) => this.#tell({ type: 'failure', site, round, error }),
      },
    });
  }

  /** What cannot be journaled ends the run, which the coordinator knows. */
  #tell(answer: SiteAnswer): void {
    this.#listener?.(answer).catch(() => undefined);
  }

  #hear(
    message: TaskMessage,
    { site, round, seconds }: { site: string; round: number; seconds: number },
  ): void {
    if (message.type === 'log') this.#log(site, message.text);
    if (message.type === 'left') this.#sayLeft(site, message.traces);
    if (message.type === 'progress' || message.type === 'engine') this.#tell({ ...message, site, round });
    if (message.type === 'result') {
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
  #sayLeft(site: string, traces: readonly string[]): void {
    if (this.#hasSaidLeft) return;
    this.#hasSaidLeft = true;
    this.#log(
      site,
      `neuroflare: the script leaves something behind (${traces.slice(0, 5).join(', ')}). Each task now starts afresh, ` +
        'which takes time; only flare.saveState passes on.\n',
    );
  }

  #log(site: string, text: string): void {
    const path = this.#deps.folder.at(siteLogPath(site));
    mkdirSync(dirname(path), { recursive: true });
    appendFileSync(path, text);
    this.#deps.onLog(site, text);
  }
}

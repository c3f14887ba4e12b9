import { TASK_LIMITS } from '../../../base/limits.ts';
import type { JobDefinition } from '../../../job/definition.ts';
import { tasksOf } from '../../../job/workflow-tasks.ts';
import type { AssignedTask } from '../../../network/messages/site.ts';
import type { Executor, TaskEvent } from '../../../site/executor/executor.ts';
import { ProcessExecutor, type ProcessExecutorOptions } from '../../../site/executor/process-executor.ts';
import { type SiteHostOptions, siteHost } from '../../../site/python/hosts.ts';
import { PythonExecutor } from '../../../site/python/python-executor.ts';
import { createSite, type Site, type SiteDeps } from '../../../site/site.ts';
import type { SiteJobFolder } from '../memory/client-folder.ts';
import type { JobLog } from '../memory/job-log.ts';
import { beginAttempt, endAttempts } from './attempts.ts';
import type { Outbox } from './outbox.ts';
import { inputsDigest, siteTaskOf, taskKey } from './site-task.ts';
import { JobTaskFiles, type JobTaskFilesOptions } from './task-files.ts';
import { wireAnswer } from './wire-answer.ts';

export interface TaskRunnerOptions
  extends JobTaskFilesOptions,
    ProcessExecutorOptions,
    Omit<SiteHostOptions, 'processes'>,
    Pick<SiteDeps, 'ownFilters' | 'leastPeople' | 'means'> {
  readonly folder: SiteJobFolder;
  readonly policy: SiteHostOptions['policy'];
  readonly job: JobDefinition;
  readonly log: JobLog;
}

export interface TaskWatch {
  readonly signal: AbortSignal;
  readonly emit: (event: TaskEvent) => void;
}

/** Times a task is begun whose process, or client, is ended from outside before it is done. */
export const MOST_ATTEMPTS = TASK_LIMITS.beginnings.most;

/** Runs the tasks of one job in a client's folder: from what the server assigned to what can be sent. */
export class TaskRunner {
  readonly #options: TaskRunnerOptions;
  readonly #executor: Executor;
  readonly #files: JobTaskFiles;
  readonly #site: Site;

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
    const { python } = options.job.executor;
    this.#executor = python
      ? new PythonExecutor({
          job: options.job,
          size: 1,
          host: siteHost({ ...options, processes: python.processes }),
        })
      : new ProcessExecutor(options);
    this.#files = new JobTaskFiles(options);
    this.#site = createSite({
      ...options,
      executor: this.#executor,
      mostBeginnings: MOST_ATTEMPTS,
      warn: (text) => options.log.write('warn', text),
    });
  }

  /** An answer that can be sent, and sent again after a restart. Rejects only when it is stopped. */
  async run(assigned: AssignedTask, watch: TaskWatch): Promise<Outbox> {
    const { job, log } = this.#options;
    // As its script knows it.
    const task = siteTaskOf(assigned, job, tasksOf(job));
    const end = await this.#site.run({
      task,
      files: this.#files.of(task),
      beginnings: this.#beginnings(assigned),
      signal: watch.signal,
      emit: (event) => {
        if (event.type === 'log') log.print(event.text);
        // Of a private job steps alone are told, and no pictures.
        if (event.type === 'progress' && job.privacy && task.form.answer.model === undefined) return;
        watch.emit(event);
      },
    });
    const answer = wireAnswer(end, task.id);
    if ('failure' in answer) {
      const { code, message } = answer.failure.error;
      log.write('error', `${code}: ${message}`);
    }
    return {
      version: 2,
      inputs_sha256: inputsDigest(assigned.inputs),
      model_sha256: assigned.inputs.model?.sha256 ?? '',
      answer,
    };
  }

  close(): Promise<void> {
    return this.#executor.close();
  }

  #beginnings(task: AssignedTask) {
    const { folder, log } = this.#options;
    const warn = ({ code, message, hint }: { code: string; message: string; hint: string }) =>
      log.write('warn', `${code}: ${message} ${hint}`);
    return {
      begin: () => beginAttempt(folder, taskKey(task), warn),
      end: () => endAttempts(folder),
    };
  }
}

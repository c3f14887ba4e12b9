import { rm } from 'node:fs/promises';
import { z } from 'zod';
import { partsOfTask } from '../algorithms/task.ts';
import { replaceFileSync } from '../base/files/files.ts';
import { readInputText } from '../base/files/read-file.ts';
import type { RunEvent, RunObserver } from './events.ts';
import { RUN_FILES, type RunFolder } from './run-folder.ts';

const liveSchema = z.object({
  tasks: z.array(
    z.object({
      site: z.string(),
      round: z.int(),
      /** When it began, ISO 8601. */
      since: z.string(),
      done: z.number(),
      total: z.number(),
    }),
  ),
});
/** How far the tasks are that run at this moment; it stands in no log, since no run goes by it. */
export type LiveTasks = z.output<typeof liveSchema>['tasks'];

const PAUSE_MS = 400;

/** Writes down for those who watch a run from another process how far its tasks are: now and then, not durably, and not after the run. */
export class LiveTaskFile {
  readonly #folder: RunFolder;
  readonly #tasks = new Map<string, LiveTasks[number]>();
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(folder: RunFolder) {
    this.#folder = folder;
  }

  readonly observe: RunObserver = (event) => {
    if (this.#isOver || !this.#take(event)) return;
    this.#timer ??= setTimeout(() => this.#write(), PAUSE_MS).unref();
  };

  async close(): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#timer);
    await rm(this.#folder.at(RUN_FILES.live), { force: true });
  }

  #take(event: RunEvent): boolean {
    if (event.type === 'result.accepted' || event.type === 'site.failed')
      return this.#tasks.delete(event.task);
    if (event.type === 'round.closed') {
      this.#tasks.clear();
      return true;
    }
    if (event.type !== 'task.started' && event.type !== 'task.progress') return false;
    const { site, round } = partsOfTask(event.task);
    const since = this.#tasks.get(event.task)?.since ?? new Date().toISOString();
    const [done, total] = event.type === 'task.progress' ? [event.done, event.total] : [0, 0];
    this.#tasks.set(event.task, { site, round, since, done, total });
    return true;
  }

  /** What cannot be written is not shown: the run goes on. */
  #write(): void {
    this.#timer = undefined;
    const tasks: LiveTasks = [...this.#tasks.values()];
    try {
      replaceFileSync(this.#folder.at(RUN_FILES.live), JSON.stringify({ tasks }));
    } catch {
      // A full disk, say, is told by what must be written.
    }
  }
}

/** Empty where nothing runs, or nothing can be read. */
export async function readLiveTasks(folder: RunFolder): Promise<LiveTasks> {
  try {
    return liveSchema.parse(JSON.parse(await readInputText(folder.at(RUN_FILES.live)))).tasks;
  } catch {
    return [];
  }
}

import { stat } from 'node:fs/promises';
import { isLocked } from '../../base/files/lock.ts';
import type { RunEvent } from '../../run/events.ts';
import { newHistory, type RunHistory, record } from '../../run/history.ts';
import { JournalReader } from '../../run/journal.ts';
import { goalOf, type RunCard, readRunCard } from '../../run/run-card.ts';
import { RUN_FILES, type RunFolder } from '../../run/run-folder.ts';
import { RUN_EVENTS } from '../../run/stored-event.ts';

/** A simulated run in its folder, read on as it grows. */
export class RunWatch {
  readonly folder: RunFolder;
  card: RunCard | undefined;
  history: RunHistory | undefined;
  /** It says that it runs, and its process is there. */
  isRunning = false;
  #reader: JournalReader<RunEvent>;
  #seen = '';
  #fault: unknown;

  constructor(folder: RunFolder) {
    this.folder = folder;
    this.#reader = this.#begin();
  }

  get status(): RunHistory['status'] {
    const status = this.history?.status ?? 'running';
    return status === 'running' && !this.isRunning ? 'interrupted' : status;
  }

  /** Reads what is new. @throws NF_RUN_FILE, NF_RUN_NEWER, where the run cannot be read */
  async refresh(each: (event: RunEvent, time: string) => void = () => undefined): Promise<void> {
    this.card ??= await readRunCard(this.folder);
    // Asked before the log is read: a run that ends meanwhile has said so in it.
    this.isRunning = await isLocked(this.folder.at(RUN_FILES.lock));
    const { size = 0, mtimeMs = 0 } =
      (await stat(this.folder.at(RUN_FILES.events)).catch(() => undefined)) ?? {};
    const now = `${size} ${mtimeMs}`;
    if (now !== this.#seen) {
      this.#seen = now;
      await this.#read(this.card, each);
    }
    if (this.#fault !== undefined) throw this.#fault;
  }

  #begin(): JournalReader<RunEvent> {
    return new JournalReader(this.folder.at(RUN_FILES.events), RUN_EVENTS);
  }

  /** A log that cannot be read is read from its beginning once it is another. */
  async #read(card: RunCard, each: (event: RunEvent, time: string) => void): Promise<void> {
    let history = this.history ?? newHistory(goalOf(card));
    this.#fault = undefined;
    try {
      for await (const { event, time } of this.#reader.news()) {
        history = record(history, event);
        each(event, time);
      }
      this.history = history;
    } catch (thrown) {
      this.#fault = thrown;
      this.history = undefined;
      this.#reader = this.#begin();
    }
  }
}

import { toNeuroflareError } from '../../../base/errors/errors.ts';
import { clearFolder } from '../../../base/files/clear-folder.ts';
import type { Logger } from '../../../base/logging/logger.ts';
import { jobFoldersIn } from '../../../site/executor/job-folders.ts';
import type { ServerLink } from '../server-link.ts';
import { keepsAny } from './clear-job.ts';
import type { ClientFolder } from './client-folder.ts';
import type { JobMemory } from './job-memory.ts';

export interface KeptStatesDeps {
  readonly folder: ClientFolder;
  readonly memory: JobMemory;
  readonly link: ServerLink;
  readonly logger: Logger;
  /** Whether the site has the job at hand. */
  readonly isAtHand: (job: string) => boolean;
}

/** A job may be deleted, or its signature end, while nothing happens here. */
const LOOK_MS = 3_600_000;

/**
 * What scripts of jobs that are over have kept (`flare.saveState`). A job that did not complete may be resumed, and then needs it: it stays
 * until the job's signature ends, or until the server says that the job was completed or deleted.
 */
export class KeptStates {
  readonly #deps: KeptStatesDeps;
  readonly #stop = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> = Promise.resolve();

  constructor(deps: KeptStatesDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  /** Removes what nobody needs any more; does not wait for the server. */
  look(): void {
    this.#looking = this.#looking
      .then(() => this.#clear())
      .catch((thrown: unknown) => {
        if (this.#stop.signal.aborted) return;
        this.#deps.logger.warn(toNeuroflareError(thrown).report(), 'what jobs have kept cannot be cleared');
      });
  }

  /** Ids of jobs that are over and have something kept. */
  async jobs(): Promise<string[]> {
    const { folder, isAtHand } = this.#deps;
    const ids = (await jobFoldersIn(folder.jobs)).filter((id) => !isAtHand(id));
    const kept = await Promise.all(ids.map((id) => keepsAny(folder.job(id))));
    return ids.filter((_, index) => kept[index]);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    await this.#looking;
  }

  async #clear(): Promise<void> {
    const { folder, isAtHand } = this.#deps;
    for (const id of await this.jobs()) {
      const isNeeded = await this.#mayComeBack(id);
      if (isNeeded || isAtHand(id)) continue;
      await clearFolder(folder.job(id).states);
      await clearFolder(folder.job(id).masked);
    }
  }

  /** A server that does not answer the question may need it: then the signature decides alone. */
  async #mayComeBack(id: string): Promise<boolean> {
    const { memory, link, logger } = this.#deps;
    if (!memory.mayComeBack(id)) return false;
    return link.mayResume(id, this.#stop.signal).catch((thrown: unknown) => {
      this.#stop.signal.throwIfAborted();
      logger.warn(
        { job: id, ...toNeuroflareError(thrown).report() },
        'the server does not say whether it may be resumed',
      );
      return true;
    });
  }
}

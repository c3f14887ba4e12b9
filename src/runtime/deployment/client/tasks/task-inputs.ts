import { readdir, rm } from 'node:fs/promises';
import type { NeuroflareError } from '../../../base/errors/errors.ts';
import { faultPoint } from '../../../base/errors/fault-point.ts';
import type { AssignedTask } from '../../../network/messages/site.ts';
import type { SiteJobFolder } from '../memory/client-folder.ts';
import { KeptModel } from '../memory/kept-model.ts';
import type { ServerLink } from '../server-link.ts';
import type { OnTrouble } from './when-room.ts';

export interface TaskInputsOptions {
  /** Id of the job. */
  readonly job: string;
  readonly folder: SiteJobFolder;
  readonly link: Pick<ServerLink, 'fetch'>;
  /** A file of an earlier start cannot be used. */
  readonly tell: (trouble: NeuroflareError) => void;
  readonly onTrouble: OnTrouble;
  readonly onDownload: () => void;
  /** That have come, each counted once. */
  readonly onBytes: (bytes: number) => void;
}

type Input = AssignedTask['inputs'][string];

/** The files that the tasks of a job begin with, fetched from the server. */
export class TaskInputs {
  readonly #options: TaskInputsOptions;
  readonly #kept = new KeptModel();

  constructor(options: TaskInputsOptions) {
    this.#options = options;
  }

  async fetch({ inputs }: AssignedTask, signal: AbortSignal): Promise<void> {
    const files = Object.values(inputs);
    for (const file of files) await this.#fetchOne(file, { among: files, signal });
  }

  async #fetchOne(
    file: Input,
    { among, signal }: { among: readonly Input[]; signal: AbortSignal },
  ): Promise<void> {
    const { job, folder, link, tell, onTrouble, onDownload, onBytes } = this.#options;
    const { sha256 } = file;
    const target = folder.model(sha256);
    if (await this.#kept.isAt(target, sha256, tell)) return;
    onDownload();
    const others = await readdir(folder.models).catch(() => []);
    const old = others.filter((name) => !among.some((one) => name.startsWith(one.sha256)));
    for (const name of old) this.#kept.forget(name);
    let most = 0;
    const onReached = (bytes: number) => {
      onBytes(Math.max(0, bytes - most));
      most = Math.max(most, bytes);
    };
    // Freeing the room of a large model takes time, in which the new one can begin to come.
    const freed = Promise.allSettled(old.map((name) => rm(folder.model(name), { force: true })));
    const path = `/v1/site/jobs/${job}/files/${sha256}`;
    await link.fetch(path, { target, ...file, onReached, onTrouble }, signal).finally(() => freed);
    this.#kept.fetched(sha256);
    faultPoint('client:model');
  }
}

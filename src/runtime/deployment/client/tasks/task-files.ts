import { createHmac } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { broughtBy } from '../../../algorithms/task.ts';
import { sha256File } from '../../../base/digest.ts';
import { flError } from '../../../base/errors/errors.ts';
import { clearFolder } from '../../../base/files/clear-folder.ts';
import { makeFolder } from '../../../base/files/files.ts';
import { readBundle } from '../../../job/bundle.ts';
import { requireJobUser } from '../../../security/policy/job-user.ts';
import type { WallPolicy } from '../../../security/policy/job-walls.ts';
import type { AnswerFile } from '../../../site/answer.ts';
import type { TaskFiles } from '../../../site/task-files.ts';
import type { TaskPlaces } from '../../../site/task-order.ts';
import { clearOldStates } from '../memory/clear-job.ts';
import { fileOfAnswer, type SiteJobFolder } from '../memory/client-folder.ts';
import type { SiteTask } from './site-task.ts';
import { keepState, takeAnswerFile, takeState } from './take-file.ts';

export interface JobTaskFilesOptions {
  readonly site: string;
  readonly folder: SiteJobFolder;
  /** Of the job's files as they were accepted: looked at before each task. */
  readonly bundleSha256?: string;
  /** The site's data, if it has any. */
  readonly data: string | undefined;
  readonly policy: WallPolicy;
  /** Of a private job: what its states are named by, since the digest of what is secret confirms who guesses it. */
  readonly stateKey?: Uint8Array | undefined;
}

/** The files of a job's tasks in the folder of a client. */
export class JobTaskFiles {
  readonly #options: JobTaskFilesOptions;
  /** The state that is known to be whole. */
  #whole: string | undefined;

  constructor(options: JobTaskFilesOptions) {
    this.#options = options;
  }

  of(task: SiteTask): TaskFiles {
    const { folder } = this.#options;
    const { id, form, inputs, stateSha256 } = task;
    const model = folder.model(inputs.model?.sha256 ?? '');
    const brought = broughtBy(form);
    const names = Object.keys(brought);
    const left = {
      files: Object.fromEntries(names.map((name) => [name, join(folder.work, fileOfAnswer(name))])),
      state: join(folder.work, 'state.bin'),
    };
    return {
      model,
      kept: stateSha256 === undefined ? undefined : folder.state(stateSha256),
      toKeep: join(folder.states, 'made'),
      personal: folder.personal,
      prepare: () => this.#prepare(task, left),
      takeFile: async (name, said): Promise<AnswerFile> => {
        const rule = brought[name];
        if (!rule) throw flError('NF_PAYLOAD_UNKNOWN', { file: name, task: id });
        const [from, to] = [left.files[name] ?? '', folder.answer(name)];
        return {
          path: to,
          sha256: said,
          size: await takeAnswerFile(from, to, { model, rule, name, task: id }),
        };
      },
      takeState: (_said, signal) => takeState(left.state, folder, signal),
      keep: async ({ path, sha256 }) => {
        const name = this.#nameOf(sha256);
        await keepState(path, folder, name);
        this.#whole = folder.state(name);
        return name;
      },
    };
  }

  async #prepare(task: SiteTask, output: TaskPlaces['output']): Promise<TaskPlaces> {
    const { site, folder, data, policy, bundleSha256: accepted } = this.#options;
    if (accepted !== undefined && (await readBundle(folder.bundle)).sha256 !== accepted)
      throw flError('NF_JOB_FILES_CHANGED');
    const { stateSha256: kept } = task;
    const state = kept === undefined ? undefined : folder.state(kept);
    if (state) await this.#requireState(state);
    if (kept !== undefined) await clearOldStates(folder, kept);
    await clearFolder(folder.work);
    await makeFolder(folder.work);
    await makeFolder(folder.home);
    if (typeof policy.run_as === 'object') await requireJobUser(policy.run_as, { work: folder.work, data });
    const given = Object.entries(task.inputs).map(([name, { sha256 }]) => [name, folder.model(sha256)]);
    return {
      code: { bundle: folder.bundle, source: folder.bundle },
      data: data === undefined ? undefined : { root: data, site },
      inputs: Object.fromEntries(given),
      state,
      features: join(folder.home, '.features'),
      output,
    };
  }

  /** The digest of what the site keeps, or one that nobody can make without the site's key. */
  #nameOf(sha256: string): string {
    const { stateKey: key } = this.#options;
    return key === undefined ? sha256 : createHmac('sha256', key).update(sha256).digest('hex');
  }

  /** Made by this process, or looked at: a disk may have damaged it since. @throws NF_SITE_STATE_LOST */
  async #requireState(path: string): Promise<void> {
    const lost = (reason: string) => flError('NF_SITE_STATE_LOST', { reason }, { place: { file: path } });
    if (!(await stat(path).catch(() => undefined))) throw lost('its file is missing');
    if (this.#whole === path) return;
    const found = await sha256File(path).catch(() => undefined);
    if (found === undefined || this.#nameOf(found) !== basename(path)) throw lost('its file is damaged');
    this.#whole = path;
  }
}

import { readFileSync } from 'node:fs';
import { partsOfTask } from '../../src/runtime/algorithms/task.ts';
import { sha256 } from '../../src/runtime/base/digest.ts';
import type { ErrorReport } from '../../src/runtime/base/errors/errors.ts';
import { writeFileAtomic } from '../../src/runtime/base/files/files.ts';
import { createRandom } from '../../src/runtime/base/random.ts';
import type { ParamSet } from '../../src/runtime/base/tensors/nd-array.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/runtime/base/tensors/safetensors.ts';
import type {
  AnswerListener,
  Channel,
  SiteAnswer,
  SitesNeeded,
  SiteTask,
  Verdict,
} from '../../src/runtime/federation/channel.ts';
import type { AcceptedResult, FileRef } from '../../src/runtime/run/events.ts';
import { answerPath, type RunFolder, statePath } from '../../src/runtime/run/run-folder.ts';

/** What a pretended site does with a task. */
export type Reply =
  | {
      readonly params?: ParamSet;
      /** Beside the model, by name. */
      readonly files?: Readonly<Record<string, Uint8Array>>;
      readonly values?: AcceptedResult['values'];
      readonly metrics?: AcceptedResult['metrics'];
      readonly numExamples?: number;
      readonly paramsType?: 'FULL' | 'DIFF';
    }
  | { readonly fails: string }
  | 'silent';

export type Behaviour = (task: SiteTask, received: ParamSet) => Reply;

export interface FakeChannelOptions {
  readonly folder: RunFolder;
  readonly sites?: readonly string[];
  readonly behave?: Behaviour;
  /** Another seed, another order of answers. */
  readonly shuffle?: number;
  /** Sites answer one after the other, in the order of their tasks. */
  readonly inOrder?: boolean;
  /** Every answer comes this many times. */
  readonly copies?: number;
}

/** Adds the task's seed to the model: like a training whose result follows from (job, site, round). */
export const learn: Behaviour = ({ seed }, { weights }) => {
  if (!weights) return { fails: 'no weights' };
  const noise = (seed % 1000) / 1000;
  const data = weights.data.map((x) => x + noise);
  const accuracy = weights.data.reduce((sum, x) => sum + x, 0) / weights.data.length;
  return { params: { weights: { ...weights, data } }, metrics: { accuracy }, numExamples: 1 + (seed % 5) };
};

/**
 * Sites without threads or sockets: they answer all tasks of a turn of the event loop in a shuffled order. It keeps what a channel
 * promises; what none of them would say is put in with `say`.
 */
export class FakeChannel implements Channel {
  readonly tasks: SiteTask[] = [];
  /** What was asked of it, in order. */
  readonly calls: string[] = [];
  readonly cancelled: string[] = [];
  readonly #options: FakeChannelOptions;
  readonly #random;
  /** On what was put in with `say`. */
  readonly verdicts: Verdict[] = [];
  #listener: AnswerListener | undefined;
  #waiting: SiteTask[] = [];
  #isAnswering = false;
  /** What each site should be at. */
  readonly #present = new Map<string, SiteTask>();

  constructor(options: FakeChannelOptions) {
    this.#options = options;
    this.#random = createRandom('answers', options.shuffle ?? 0);
  }

  async ready({ signal }: SitesNeeded): Promise<readonly string[]> {
    signal.throwIfAborted();
    this.calls.push('ready');
    return this.#options.sites ?? [];
  }

  listen(listener: AnswerListener): void {
    this.#listener = listener;
  }

  assign(task: SiteTask): void {
    this.tasks.push(task);
    this.calls.push(task.id);
    this.#present.set(task.site, task);
    if (this.#waiting.push(task) !== 1 || this.#isAnswering) return;
    setImmediate(() => void (this.#options.inOrder ? this.#answerInOrder() : this.#answerAll()));
  }

  cancel(task: string): void {
    const { site } = partsOfTask(task);
    this.cancelled.push(site);
    if (this.#present.get(site)?.id === task) this.#present.delete(site);
  }

  /** Nobody hears of its sites any more. */
  close(): void {
    this.#present.clear();
  }

  /** An answer out of nowhere. */
  emit(answer: SiteAnswer): void {
    void this.#emit(answer).then((verdict) => verdict && this.verdicts.push(verdict));
  }

  /** What cannot be kept is told to nobody else. */
  #emit(answer: SiteAnswer): Promise<Verdict | undefined> {
    return Promise.resolve(this.#listener?.(answer)).catch(() => undefined);
  }

  async #answerInOrder(): Promise<void> {
    this.#isAnswering = true;
    for (let task = this.#waiting.shift(); task; task = this.#waiting.shift())
      await Promise.all(await this.#answer(task));
    this.#isAnswering = false;
  }

  async #answerAll(): Promise<void> {
    const tasks = this.#random.shuffle(this.#waiting);
    this.#waiting = [];
    for (const task of tasks) await this.#answer(task);
  }

  /** What is being said of a task; nothing more of one that is not the site's present one. */
  async #answer(task: SiteTask): Promise<Promise<unknown>[]> {
    const { site, id } = task;
    const isPresent = () => this.#present.get(site) === task;
    if (!isPresent()) return [];
    void this.#emit({ type: 'started', task: id });
    // Of one that was taken back nobody hears, whatever has become of its folder.
    const ignore = (thrown: unknown) => {
      if (isPresent()) throw thrown;
      return undefined;
    };
    const answer = isPresent() ? await this.#work(task).catch(ignore) : undefined;
    if (!answer || !isPresent()) return [];
    this.#present.delete(site);
    return Array.from({ length: this.#options.copies ?? 1 }, () => this.#emit(answer));
  }

  async #work(task: SiteTask): Promise<SiteAnswer | undefined> {
    const { folder, behave = learn } = this.#options;
    const { id, site, round } = task;
    const reply = behave(task, decodeSafetensors(readFileSync(folder.at(task.inputs.model.path)), 'model'));
    if (reply === 'silent') return undefined;
    if ('fails' in reply) return { type: 'failure', task: id, error: failureReport(reply.fails, task) };
    const { params, metrics = { accuracy: 0 }, numExamples = 1, paramsType = 'FULL' } = reply;
    const sent: Readonly<Record<string, Uint8Array>> = {
      ...(params && { model: encodeSafetensors(params) }),
      ...reply.files,
    };
    const files: Record<string, FileRef> = {};
    for (const [name, rule] of Object.entries(task.form.answer)) {
      const bytes = sent[name];
      if (bytes) files[name] = await this.#keep(answerPath(task, name, rule), bytes);
    }
    const state = await this.#keep(statePath(task), Uint8Array.of(round));
    const values = reply.values && { values: reply.values };
    const result = { site, paramsType, numExamples, metrics, seconds: 0, files, state, ...values } as const;
    return { type: 'result', task: id, result };
  }

  async #keep(path: string, bytes: Uint8Array): Promise<FileRef> {
    await writeFileAtomic(this.#options.folder.at(path), bytes);
    return { path, sha256: sha256(bytes) };
  }
}

export function failureReport(
  message: string,
  { site, round }: { site: string; round: number },
): ErrorReport {
  return { code: 'NF_SCRIPT_FAILED', message, hint: 'look', exitCode: 1, place: { site, round } };
}

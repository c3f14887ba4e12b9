import { readFileSync } from 'node:fs';
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
  SiteTask,
  Verdict,
} from '../../src/runtime/federation/channel.ts';
import type { AcceptedResult, FileRef } from '../../src/runtime/run/events.ts';
import { type RunFolder, statePath, updatePath } from '../../src/runtime/run/run-folder.ts';

/** What a pretended site does with a task. */
export type Reply =
  | {
      readonly params?: ParamSet;
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

/** Sites without threads or sockets: they answer all tasks of a turn of the event loop in a shuffled order. */
export class FakeChannel implements Channel {
  readonly tasks: SiteTask[] = [];
  /** What was asked of it, in order. */
  readonly calls: string[] = [];
  readonly cancelled: string[] = [];
  readonly #options: FakeChannelOptions;
  readonly #random;
  readonly verdicts: Verdict[] = [];
  #listener: AnswerListener | undefined;
  #waiting: SiteTask[] = [];
  #isAnswering = false;
  #current: SiteTask | undefined;

  constructor(options: FakeChannelOptions) {
    this.#options = options;
    this.#random = createRandom('answers', options.shuffle ?? 0);
  }

  async ready(): Promise<readonly string[]> {
    this.calls.push('ready');
    return this.#options.sites ?? [];
  }

  listen(listener: AnswerListener): void {
    this.#listener = listener;
  }

  assign(task: SiteTask): void {
    this.tasks.push(task);
    this.calls.push(`${task.site} ${task.round}`);
    if (this.#waiting.push(task) !== 1 || this.#isAnswering) return;
    setImmediate(() => void (this.#options.inOrder ? this.#answerInOrder() : this.#answerAll()));
  }

  cancel(site: string): void {
    this.cancelled.push(site);
    if (!this.#options.inOrder) return;
    this.#waiting = this.#waiting.filter((task) => task.site !== site);
    if (this.#current?.site === site) this.#current = undefined;
  }

  /** An answer out of nowhere. */
  say(answer: SiteAnswer): void {
    this.#listener?.(answer).then(
      (verdict) => this.verdicts.push(verdict),
      () => undefined,
    );
  }

  async #answerInOrder(): Promise<void> {
    this.#isAnswering = true;
    for (let task = this.#waiting.shift(); task; task = this.#waiting.shift()) {
      this.#current = task;
      const answer = await this.#work(task);
      if (answer && this.#current === task) await this.#listener?.(answer).catch(() => undefined);
    }
    this.#isAnswering = false;
  }

  async #answerAll(): Promise<void> {
    const tasks = this.#random.shuffle(this.#waiting);
    this.#waiting = [];
    for (const task of tasks) {
      this.say({ type: 'started', site: task.site, round: task.round });
      const answer = await this.#work(task);
      for (let copy = 0; answer && copy < (this.#options.copies ?? 1); copy++) this.say(answer);
    }
  }

  async #work(task: SiteTask): Promise<SiteAnswer | undefined> {
    const { folder, behave = learn } = this.#options;
    const { site, round } = task;
    const reply = behave(task, decodeSafetensors(readFileSync(folder.at(task.model.path)), 'model'));
    if (reply === 'silent') return undefined;
    if ('fails' in reply) return { type: 'failure', site, round, error: failureReport(reply.fails, task) };
    const { params, metrics = { accuracy: 0 }, numExamples = 1, paramsType = 'FULL' } = reply;
    const update =
      params &&
      task.kind === 'train' &&
      (await this.#keep(updatePath(site, round), encodeSafetensors(params)));
    const state = await this.#keep(statePath(site, round), Uint8Array.of(round));
    const result = { site, paramsType, numExamples, metrics, seconds: 0, state } as const;
    return { type: 'result', round, result: { ...result, ...(update && { update }) } };
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

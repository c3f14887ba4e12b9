import { partsOfTask } from '../../../algorithms/task.ts';
import { flError } from '../../../base/errors/errors.ts';
import { UPLOAD_LIMITS } from '../../../base/limits.ts';
import { timeText } from '../../../base/text/time-text.ts';
import { atNextRing, type Bell } from '../../../base/threads/bell.ts';
import {
  type AnswerListener,
  type Channel,
  type SiteAnswer,
  type SitesNeeded,
  type SiteTask,
  siteOf,
  type Verdict,
} from '../../../federation/channel.ts';
import type { AssignedTask } from '../../../network/messages/site.ts';
import type { FileRef } from '../../../run/events.ts';
import type { SiteRegistry, SiteSession } from '../sites/site-registry.ts';
import { longestRun, type OtherJobs, TaskMovement, type TaskNeeds } from './task-movement.ts';

export interface SiteChannelDeps {
  readonly job: string;
  readonly registry: SiteRegistry;
  /** Sites that have accepted the job, in site order. */
  readonly accepted: () => readonly string[];
  /** The coordinator has given a task, or looks for sites. */
  readonly onMove: () => void;
  /** Rings when a site comes, goes or decides. */
  readonly bell: Bell;
  /** What an answer counts for that is not to the site's present task. */
  readonly verdictOn: (task: string) => Verdict;
  /** What keeps the job from ever having the sites it needs. */
  readonly deadEnd: () => Error | undefined;
  /** Seconds a lost or silent site is waited for. */
  readonly siteTimeout: number;
  /** Seconds a script has at a site. */
  readonly taskTimeout: number;
  /** Bytes that a task carries. */
  readonly bytesOf: (task: SiteTask) => Pick<TaskNeeds, 'model' | 'files'>;
  /** Of the site, at other jobs. */
  readonly others: (site: string) => ReturnType<OtherJobs>;
}

interface Held {
  readonly task: SiteTask;
  /** ISO 8601, UTC. */
  readonly since: string;
  readonly movement: TaskMovement;
  progress: { readonly done: number; readonly total: number } | undefined;
  /** Updates that have come whole. */
  readonly whole: SentUpdate[];
  /** Files whose bytes were not what was announced. */
  spoilt: number;
}

/** An update, and which client's folder it came from. */
export interface SentUpdate {
  readonly sha256: string;
  readonly instance: string;
}

/** A site that was here a moment ago is likely to come back: a round does not open without it at once. */
const REJOIN_MS = 15_000;
const LOOK_MS = 500;
/** Whatever changes rings; this is for a bell that was missed. */
const LOOK_AGAIN_SECONDS = 60;

/**
 * The channel of a networked job: tasks lie here until their sites ask for work. A site that is gone, or has a task and does not
 * move on with it, fails the round after its time; what moves is never cut by a clock.
 */
export class SiteChannel implements Channel {
  readonly #deps: SiteChannelDeps;
  readonly #held = new Map<string, Held>();
  readonly #timer: NodeJS.Timeout;
  #listener: AnswerListener | undefined;

  constructor(deps: SiteChannelDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  listen(listener: AnswerListener): void {
    this.#listener = listener;
  }

  assign(task: SiteTask): void {
    const { bytesOf, taskTimeout } = this.#deps;
    this.#held.set(task.site, {
      task,
      since: new Date().toISOString(),
      movement: new TaskMovement({ ...bytesOf(task), taskTimeout }, performance.now()),
      progress: undefined,
      whole: [],
      spoilt: 0,
    });
    this.#deps.registry.bell(task.site).ring();
    this.#deps.onMove();
  }

  cancel(task: string): void {
    const { site } = partsOfTask(task);
    if (this.#held.get(site)?.task.id === task) this.#drop(site);
  }

  /** The task a site should be at. */
  task(site: string): SiteTask | undefined {
    return this.#held.get(site)?.task;
  }

  /** Since when a site's answer is waited for. */
  since(site: string): string | undefined {
    return this.#held.get(site)?.since;
  }

  /** How far a site is with its task. */
  progress(site: string): Held['progress'] {
    return this.#held.get(site)?.progress;
  }

  /** Bytes of a task on their way to its site, or from it. */
  carried(site: string, direction: 'in' | 'out', bytes: number): void {
    this.#held.get(site)?.movement.carried(direction, bytes, performance.now());
  }

  /** Milliseconds a task of this job can last at a site, if the site is at one. */
  runsAt(site: string): number | undefined {
    const held = this.#held.get(site);
    if (!held || held.movement.isWornOut || this.#said(site, held)?.phase !== 'running') return undefined;
    return longestRun(this.#deps.taskTimeout);
  }

  /** One whole file for each that the task asks for; others of a client that has lost its folder. @throws NF_UPLOAD_TWICE */
  requireUpload(site: string, { sha256, instance }: SentUpdate): void {
    const { whole = [], task } = this.#held.get(site) ?? {};
    const last = whole.at(-1);
    if (!task || !last || whole.some((one) => one.sha256 === sha256)) return;
    const files = Object.keys(task.form.answer).length;
    const sent = whole.filter((one) => one.instance === instance).length;
    if (sent < files && whole.length < UPLOAD_LIMITS.whole_per_task.most * files) return;
    throw flError('NF_UPLOAD_TWICE', { site, round: task.round, sha256: last.sha256 });
  }

  uploaded(site: string, update: SentUpdate): void {
    const whole = this.#held.get(site)?.whole;
    if (!whole?.some(({ sha256 }) => sha256 === update.sha256)) whole?.push(update);
  }

  /** A file came that is not what was announced. A site that sends such ones again and again has failed. */
  async spoilt(site: string): Promise<void> {
    const held = this.#held.get(site);
    if (!held || ++held.spoilt < UPLOAD_LIMITS.spoilt_per_task.most) return;
    const { round, id } = held.task;
    const error = flError(
      'NF_UPLOAD_SPOILT',
      { site, round, count: held.spoilt },
      { place: { site, round } },
    );
    await this.deliver({ type: 'failure', task: id, error: error.report() });
  }

  /**
   * What a site says of its present task goes to the coordinator, and its answer ends the task here; all else moves nothing. Rejects if the
   * answer could not be made durable.
   */
  async deliver(answer: SiteAnswer): Promise<Verdict> {
    const { verdictOn } = this.#deps;
    const { task } = answer;
    const site = siteOf(answer);
    const held = this.#held.get(site);
    if (held?.task.id !== task) return verdictOn(task);
    if (answer.type === 'started') held.movement.begun();
    if (answer.type === 'progress') held.progress = { done: answer.done, total: answer.total };
    const verdict = (await this.#listener?.(answer)) ?? verdictOn(task);
    const isAnswer = answer.type === 'result' || answer.type === 'failure';
    if (isAnswer && this.#held.get(site) === held) this.#drop(site);
    return verdict;
  }

  async ready({ least, mandatory, signal }: SitesNeeded): Promise<readonly string[]> {
    const { deadEnd, bell, onMove } = this.#deps;
    onMove();
    for (;;) {
      signal.throwIfAborted();
      const error = deadEnd();
      if (error) throw error;
      const present = this.#present();
      const isEnough = present.length >= least && mandatory.every((site) => present.includes(site));
      const expected = this.#nextExpected();
      if (isEnough && expected === undefined) return present;
      await bell.wait(expected ?? LOOK_AGAIN_SECONDS, { isNews: atNextRing(), signal });
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#held.clear();
  }

  #present(): readonly string[] {
    return this.#deps.accepted().filter((site) => this.#deps.registry.get(site));
  }

  /** Seconds until a site that is not here is expected no longer; undefined if none is. */
  #nextExpected(): number | undefined {
    const { accepted, registry } = this.#deps;
    const left = accepted()
      .filter((site) => !registry.get(site))
      .map((site) => REJOIN_MS - registry.absentFor(site))
      .filter((ms) => ms > 0);
    return left.length === 0 ? undefined : (Math.min(...left) + 1) / 1000;
  }

  #drop(site: string): void {
    this.#held.delete(site);
    this.#deps.registry.bell(site).ring();
  }

  #look(): void {
    const { registry, siteTimeout, others } = this.#deps;
    for (const [site, held] of this.#held) {
      const now = performance.now();
      const said = this.#said(site, held);
      if (said) held.movement.said(said, now, () => others(site));
      if (held.movement.since(now) > siteTimeout * 1000) this.#giveUp(site, held, registry.get(site));
    }
  }

  /** What a site says of itself with its task. */
  #said(site: string, { task: { id } }: Held): SiteSession['jobs'][number] | undefined {
    const { job, registry } = this.#deps;
    return registry.get(site)?.jobs.find((one) => one.job_id === job && one.task === id);
  }

  #giveUp(site: string, { task: { round, id }, since }: Held, session: SiteSession | undefined): void {
    const seconds = this.#deps.siteTimeout;
    const place = { place: { site, round } };
    const error = session
      ? flError('NF_SITE_STALLED', { site, seconds, since: timeText(since) }, place)
      : flError('NF_SITE_LOST', { site, seconds }, place);
    // What cannot be journaled ends the run, which the coordinator knows.
    this.deliver({ type: 'failure', task: id, error: error.report() }).catch(() => undefined);
  }
}

/** A task as it is told to its site. @param sizeOf bytes of a file */
export function assignedTask(task: SiteTask, sizeOf: (file: FileRef) => number): AssignedTask {
  const inputs = Object.entries(task.inputs).map(([name, file]) => {
    return [name, { sha256: file.sha256, size: sizeOf(file) }] as const;
  });
  return {
    id: task.id,
    total_rounds: task.totalRounds,
    seed: task.seed,
    inputs: Object.fromEntries(inputs),
    ...(task.state && { state_sha256: task.state.sha256 }),
  };
}

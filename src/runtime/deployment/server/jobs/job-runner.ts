import { type NeuroflareError, toNeuroflareError } from '../../../base/errors/errors.ts';
import {
  type AbortAnswer,
  type JobEffect,
  type JobEnd,
  type JobEvent,
  type JobStage,
  type JobState,
  type JobStep,
  moveJob,
} from './job-state.ts';

/** What a job's steps are. Those with a signal fail with its reason when it fires. */
export interface JobWork {
  readonly offer: () => Promise<void>;
  readonly gather: (signal: AbortSignal) => Promise<void>;
  readonly begin: () => Promise<void>;
  /**
   * To the end of its log.
   * @param how.mayKeep asked before results are written; rejects if an abort came first
   */
  readonly train: (how: { signal: AbortSignal; mayKeep: () => Promise<void> }) => Promise<void>;
  readonly salvage: () => Promise<void>;
  readonly end: (end: JobEnd) => Promise<void>;
  /** Durable when it returns: a server that is killed then does not go on with the job. */
  readonly noteAbort: (error: NeuroflareError) => Promise<void>;
  /** It waits until somebody has mended this machine. */
  readonly onHold: (error: NeuroflareError) => void;
  /** Its end could not be noted. */
  readonly onLost: (error: NeuroflareError) => void;
}

const AGAIN_MS = 3000;

/** Carries out what the state of a job asks for. */
export class JobRunner {
  readonly #work: JobWork;
  readonly #againMs: number;
  readonly #stop = new AbortController();
  readonly #settled = Promise.withResolvers<void>();
  #state: JobState;
  /** Those who want it to end and have no answer yet. */
  #aborting = Promise.withResolvers<AbortAnswer>();
  /** Results may be written. */
  #permit: PromiseWithResolvers<void> | undefined;
  #pause: NodeJS.Timeout | undefined;

  /** @param againMs from a failure of the machine to the next attempt */
  constructor(state: JobState, work: JobWork, againMs = AGAIN_MS) {
    this.#state = state;
    this.#work = work;
    this.#againMs = againMs;
  }

  get state(): JobState {
    return this.#state;
  }

  /** From where it is to its end, or until the server stops. Never rejects: how it ended is in its record. */
  run(): Promise<void> {
    this.#take({ type: 'launched' });
    return this.#settled.promise;
  }

  abort(error: NeuroflareError): Promise<AbortAnswer> {
    const { promise } = this.#aborting;
    this.#take({ type: 'abort', error });
    return promise;
  }

  giveUp(error: NeuroflareError): void {
    this.#take({ type: 'given up', error });
  }

  leave(error: NeuroflareError): void {
    this.#take({ type: 'server stops', error });
  }

  #take(event: JobEvent): void {
    const { state, effects } = moveJob(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: JobEffect): void {
    switch (effect.type) {
      case 'do':
        this.#begin(effect.stage);
        break;
      case 'stop':
        this.#stop.abort(effect.error);
        break;
      case 'hold':
        this.#pause = setTimeout(() => this.#take({ type: 'again' }), this.#againMs);
        this.#work.onHold(effect.error);
        break;
      case 'note abort':
        void this.#noteAbort(effect.error);
        break;
      case 'answer':
        this.#aborting.resolve(effect.abort);
        this.#aborting = Promise.withResolvers();
        break;
      case 'lost':
        this.#work.onLost(effect.error);
        break;
      case 'settled':
        clearTimeout(this.#pause);
        this.#settled.resolve();
    }
  }

  #begin(stage: JobStage): void {
    clearTimeout(this.#pause);
    const work = this.#work;
    const { signal } = this.#stop;
    switch (stage.step) {
      case 'offer':
      case 'begin':
      case 'salvage':
        void this.#do(stage.step, work[stage.step]);
        break;
      case 'gather':
        void this.#do(stage.step, () => work.gather(signal));
        break;
      case 'train':
        void this.#train();
        break;
      case 'keep':
        this.#permit?.resolve();
        break;
      case 'end':
        void this.#do(stage.step, () => work.end(stage.end));
    }
  }

  async #do(step: JobStep, work: () => Promise<void>): Promise<void> {
    const event = await work().then(
      () => ({ type: 'done', step }) as const,
      (thrown: unknown) => ({ type: 'failed', step, error: toNeuroflareError(thrown) }) as const,
    );
    this.#take(event);
  }

  /** Training and the keeping of its results are one piece of work: it tells of the first, and ends with the second. */
  async #train(): Promise<void> {
    const { signal } = this.#stop;
    let step: JobStep = 'train';
    const mayKeep = async () => {
      const permit = Promise.withResolvers<void>();
      const refuse = () => permit.reject(signal.reason);
      this.#permit = permit;
      signal.addEventListener('abort', refuse, { once: true });
      try {
        signal.throwIfAborted();
        this.#take({ type: 'done', step: 'train' });
        await permit.promise;
        step = 'keep';
      } finally {
        signal.removeEventListener('abort', refuse);
      }
    };
    try {
      await this.#work.train({ signal, mayKeep });
      if (step === 'train') throw new Error('The training has kept no results.');
      this.#take({ type: 'done', step });
    } catch (thrown) {
      this.#take({ type: 'failed', step, error: toNeuroflareError(thrown) });
    }
  }

  async #noteAbort(error: NeuroflareError): Promise<void> {
    const event = await this.#work.noteAbort(error).then(
      () => ({ type: 'abort.noted' }) as const,
      (thrown: unknown) => ({ type: 'abort.failed', error: toNeuroflareError(thrown) }) as const,
    );
    this.#take(event);
  }
}

import type { ErrorCode } from '../../../base/errors/catalog.ts';
import type { NeuroflareError } from '../../../base/errors/errors.ts';
import type { JobStatus } from '../../../network/messages/admin.ts';
import { isOfTheMachine } from './machine-failures.ts';

/**
 * The life of a job at a server as a pure function: `(state, event) -> { state, effects }`. No clock, no sockets, no files: `JobRunner`
 * carries the effects out and brings the events.
 *
 * waiting -> offer -> gather -> begin -> train -> keep -> end -> over; what fails, is aborted or given up goes by salvage to its end. A step
 * that fails for the machine's sake is held and done again. A server that stops leaves the job where it is.
 *
 * An abort and the end of a job meet here: one of the two comes true. While an abort is being noted nothing else goes on, and once results
 * are being written nobody can abort.
 */
export type JobStep = JobStage['step'];

/**
 * offer: notes that it is offered; gather: until enough sites have taken it; begin: notes that it runs; train: to its last model; keep:
 * writes its results and closes its log, a part of the same work as `train`.
 */
export type JobStage = { readonly step: 'offer' | 'gather' | 'begin' | 'train' | 'keep' } | JobEnding;

/** salvage: writes what it has come to, of one that ends without success; end: notes its end. */
interface JobEnding {
  readonly step: 'salvage' | 'end';
  readonly end: JobEnd;
}

export interface JobEnd {
  readonly status: JobStatus;
  readonly error?: NeuroflareError;
}

type JobPlace =
  /** For its turn. */
  | { readonly name: 'waiting' }
  | { readonly name: 'doing'; readonly stage: JobStage }
  /** Until somebody has mended the machine. */
  | { readonly name: 'held'; readonly stage: JobStage }
  | { readonly name: 'over' }
  /** The server stops; the next one goes on with it. */
  | { readonly name: 'left' };

export interface JobState {
  readonly place: JobPlace;
  /** The step that it begins with when its turn has come. */
  readonly first: 'offer' | 'train';
  readonly abort:
    | { readonly is: 'none' }
    | { readonly is: 'noting' | 'noted'; readonly error: NeuroflareError };
  /** Why it must not go on: it was aborted or given up. */
  readonly stop: NeuroflareError | undefined;
  /** The server stops. */
  readonly isLeaving: boolean;
  /** What happened while an abort was being noted, and counts when that is settled. */
  readonly deferred: JobProgress | undefined;
}

type JobProgress =
  | { readonly type: 'launched' }
  | { readonly type: 'done'; readonly step: JobStep }
  | { readonly type: 'failed'; readonly step: JobStep; readonly error: NeuroflareError }
  /** The pause after a failure of the machine is over. */
  | { readonly type: 'again' };

export type JobEvent =
  | JobProgress
  /** Somebody wants it to end. */
  | { readonly type: 'abort'; readonly error: NeuroflareError }
  | { readonly type: 'abort.noted' }
  | { readonly type: 'abort.failed'; readonly error: NeuroflareError }
  /** It can never get the sites it needs. */
  | { readonly type: 'given up'; readonly error: NeuroflareError }
  | { readonly type: 'server stops'; readonly error: NeuroflareError };

export type JobEffect =
  /** Ends with `done` or `failed` of this step. */
  | { readonly type: 'do'; readonly stage: JobStage }
  /** The step under way is to fail with this error. */
  | { readonly type: 'stop'; readonly error: NeuroflareError }
  /** Ends with `again`. */
  | { readonly type: 'hold'; readonly error: NeuroflareError }
  /** Ends with `abort.noted` or `abort.failed`. */
  | { readonly type: 'note abort'; readonly error: NeuroflareError }
  /** To all who want it to end. */
  | { readonly type: 'answer'; readonly abort: AbortAnswer }
  /** Its end could not be noted. */
  | { readonly type: 'lost'; readonly error: NeuroflareError }
  /** Nothing of it is under way any more. */
  | { readonly type: 'settled' };

/** What becomes of an abort: it is durable, it comes too late, or it could not be noted. */
export type AbortAnswer =
  | { readonly is: 'taken' }
  | { readonly is: 'late'; readonly since: 'over' | 'results' }
  | { readonly is: 'failed'; readonly error: NeuroflareError };

export interface JobMove {
  readonly state: JobState;
  readonly effects: readonly JobEffect[];
}

/** What an error of this process makes of a job; all others are EXECUTION_EXCEPTION. */
const END_BY: Partial<Record<ErrorCode, JobStatus>> = {
  NF_JOB_ABORTED: 'FINISHED:ABORTED',
  NF_JOB_NOT_SCHEDULED: 'FINISHED:CAN_NOT_SCHEDULE',
};
/** From the first of them on nobody can abort. */
const ENDINGS: ReadonlySet<JobStep> = new Set<JobStep>(['keep', 'salvage', 'end']);
const NEXT = { offer: 'gather', gather: 'begin', begin: 'train' } as const;

/** A job that waits for its turn, as its record has it. @param aborted the error of one that was aborted before the server stopped */
export function waitingJob(status: JobStatus, aborted?: NeuroflareError): JobState {
  return {
    place: { name: 'waiting' },
    first: status === 'RUNNING' ? 'train' : 'offer',
    abort: aborted ? { is: 'noted', error: aborted } : { is: 'none' },
    stop: aborted,
    isLeaving: false,
    deferred: undefined,
  };
}

/** What does not fit the state changes nothing. */
export function moveJob(state: JobState, event: JobEvent): JobMove {
  switch (event.type) {
    case 'launched':
    case 'done':
    case 'failed':
    case 'again':
      return isDue(state, event) ? progress(state, event) : unchanged(state);
    case 'abort':
      return abort(state, event.error);
    case 'abort.noted':
      return abortNoted(state);
    case 'abort.failed':
      if (state.abort.is !== 'noting') return unchanged(state);
      return answered(settled({ ...state, abort: { is: 'none' } }), { is: 'failed', error: event.error });
    case 'given up':
      if (state.stop || isShut(state) || hasEnded(state)) return unchanged(state);
      return stopped({ ...state, stop: event.error });
    case 'server stops':
      return leave(state, event.error);
  }
}

/** What a job waits for, in words; undefined of one for which nothing more is done here. */
export function waitsFor({ place, abort: { is } }: JobState): string | undefined {
  if (is === 'noting') return 'an abort to be noted';
  if (place.name === 'waiting') return 'its turn';
  if (place.name === 'held') return 'its machine';
  return place.name === 'doing' ? place.stage.step : undefined;
}

function isDue({ place }: JobState, event: JobProgress): boolean {
  if (event.type === 'launched') return place.name === 'waiting';
  if (event.type === 'again') return place.name === 'held';
  return place.name === 'doing' && place.stage.step === event.step;
}

function progress(state: JobState, event: JobProgress): JobMove {
  const { place, first } = state;
  if (state.abort.is === 'noting') return { state: { ...state, deferred: event }, effects: [] };
  if (event.type === 'launched') return goOn(state, first);
  if (place.name !== 'doing' && place.name !== 'held') return unchanged(state);
  if (event.type === 'again') return doing(state, place.stage);
  return event.type === 'done' ? done(state, place.stage) : failed(state, place.stage, event.error);
}

function done(state: JobState, stage: JobStage): JobMove {
  switch (stage.step) {
    case 'offer':
    case 'gather':
    case 'begin':
      return goOn(state, NEXT[stage.step]);
    case 'train':
      // One that was told to stop fails in a moment.
      return state.stop || state.isLeaving ? unchanged(state) : doing(state, { step: 'keep' });
    case 'keep':
      return doing(state, { step: 'end', end: { status: 'FINISHED:COMPLETED' } });
    case 'salvage':
      return doing(state, { step: 'end', end: stage.end });
    case 'end':
      return { state: { ...state, place: { name: 'over' } }, effects: [{ type: 'settled' }] };
  }
}

function failed(state: JobState, stage: JobStage, error: NeuroflareError): JobMove {
  // What could not be written is missing; the job is over all the same.
  if (stage.step === 'salvage') return doing(state, { step: 'end', end: stage.end });
  if (stage.step === 'end') return endFailed(state, stage, error);
  if (error.code === 'NF_INTERRUPTED') return left(state);
  if (state.stop) return salvage(state, state.stop);
  if (!isOfTheMachine(error)) return salvage(state, error);
  return held(state, stage.step === 'keep' ? { step: 'train' } : stage, error);
}

function endFailed(state: JobState, stage: JobEnding, error: NeuroflareError): JobMove {
  if (isOfTheMachine(error)) return held(state, stage, error);
  if (stage.end.status === 'FINISHED:COMPLETED') return salvage(state, error);
  const { state: now, effects } = left(state);
  return { state: now, effects: [{ type: 'lost', error }, ...effects] };
}

function held(state: JobState, stage: JobStage, error: NeuroflareError): JobMove {
  if (state.isLeaving) return left(state);
  return { state: { ...state, place: { name: 'held', stage } }, effects: [{ type: 'hold', error }] };
}

/** To the next step, unless it must not go on. */
function goOn(state: JobState, step: 'offer' | 'gather' | 'begin' | 'train'): JobMove {
  if (state.stop) return salvage(state, state.stop);
  return state.isLeaving ? left(state) : doing(state, { step });
}

function doing(state: JobState, stage: JobStage): JobMove {
  return { state: { ...state, place: { name: 'doing', stage } }, effects: [{ type: 'do', stage }] };
}

/** To an end without success. */
function salvage(state: JobState, error: NeuroflareError): JobMove {
  const isAborted = state.abort.is === 'noted';
  const status = isAborted ? 'FINISHED:ABORTED' : (END_BY[error.code] ?? 'FINISHED:EXECUTION_EXCEPTION');
  return doing(state, { step: 'salvage', end: { status, error } });
}

function left(state: JobState): JobMove {
  return { state: { ...state, place: { name: 'left' } }, effects: [{ type: 'settled' }] };
}

function abort(state: JobState, error: NeuroflareError): JobMove {
  if (state.place.name === 'over') return answered(unchanged(state), { is: 'late', since: 'over' });
  if (state.abort.is === 'noted') return answered(unchanged(state), { is: 'taken' });
  if (state.abort.is === 'noting') return unchanged(state);
  if (isShut(state)) return answered(unchanged(state), { is: 'late', since: 'results' });
  return { state: { ...state, abort: { is: 'noting', error } }, effects: [{ type: 'note abort', error }] };
}

function abortNoted(state: JobState): JobMove {
  if (state.abort.is !== 'noting') return unchanged(state);
  const { error } = state.abort;
  return answered(stopped({ ...state, abort: { is: 'noted', error }, stop: error }), { is: 'taken' });
}

function answered({ state, effects }: JobMove, how: AbortAnswer): JobMove {
  return { state, effects: [{ type: 'answer', abort: how }, ...effects] };
}

/** It must not go on any more. */
function stopped(state: JobState): JobMove {
  const { stop, place } = state;
  const { state: now, effects } = settled(state);
  const isUnderWay = place.name === 'doing' && stop !== undefined && now.place === place;
  return { state: now, effects: isUnderWay ? [{ type: 'stop', error: stop }, ...effects] : effects };
}

/** What an abort that was being noted had held up. */
function settled(state: JobState): JobMove {
  const {
    place,
    stop,
    deferred,
    abort: { is },
  } = state;
  if (is === 'noting') return unchanged(state);
  const now = { ...state, deferred: undefined };
  if (place.name === 'held' && stop && !isShut(state)) return salvage(now, stop);
  return deferred ? progress(now, deferred) : unchanged(now);
}

function leave(state: JobState, error: NeuroflareError): JobMove {
  if (hasEnded(state)) return unchanged(state);
  const now = { ...state, isLeaving: true };
  if (state.place.name !== 'doing') return left({ ...now, deferred: undefined });
  return { state: now, effects: state.stop || isShut(state) ? [] : [{ type: 'stop', error }] };
}

function isShut({ place }: JobState): boolean {
  return (place.name === 'doing' || place.name === 'held') && ENDINGS.has(place.stage.step);
}

function hasEnded({ place }: JobState): boolean {
  return place.name === 'over' || place.name === 'left';
}

function unchanged(state: JobState): JobMove {
  return { state, effects: [] };
}

import type { ErrorReport } from '../kernel/errors.ts';
import type { MetricReport } from './metrics.ts';

export type TaskKind = 'train' | 'evaluate';

/** A model or an update on disk, named so that a changed file is found out. */
export interface FileRef {
  /** Relative to the run's folder. */
  readonly path: string;
  readonly sha256: string;
}

/** What runs a site's tensors; shown in the log and the result, so that nobody wonders which engine it was. */
export interface EngineUse {
  readonly name: string;
  readonly device: string;
  /** Package, version and build, e.g. `onnxruntime-node 1.30.0 native`. */
  readonly library: string;
  readonly detail: string;
}

/**
 * Everything that happens in a run, in the order it became true. The events marked durable are on disk before
 * anything is built on them; a run is resumed from them alone. `round` counts from 1; the model of round r is the
 * one aggregated in it, model 0 the initial one, and a training round r reports figures on model r - 1.
 */
export type RunEvent =
  | { readonly type: 'run.opened'; readonly resumedFromRound?: number }
  /** A job that had ended goes on: signed anew, `count` times so far, after the round it had. */
  | { readonly type: 'run.resumed'; readonly round: number; readonly by: string; readonly count: number }
  | { readonly type: 'model.initial'; readonly model: FileRef }
  | {
      readonly type: 'round.opened';
      readonly round: number;
      readonly kind: TaskKind;
      readonly sites: readonly string[];
      readonly model: FileRef;
    }
  | { readonly type: 'task.started'; readonly round: number; readonly site: string }
  | {
      readonly type: 'task.progress';
      readonly round: number;
      readonly site: string;
      readonly done: number;
      readonly total: number;
    }
  | { readonly type: 'engine.used'; readonly site: string; readonly engine: EngineUse }
  | { readonly type: 'result.accepted'; readonly round: number; readonly result: AcceptedResult }
  /** The bytes of an accepted result are no longer what they were: the site is asked again. */
  | {
      readonly type: 'result.dropped';
      readonly round: number;
      readonly site: string;
      readonly reason: string;
    }
  | {
      readonly type: 'site.failed';
      readonly round: number;
      readonly site: string;
      readonly error: ErrorReport;
    }
  | {
      readonly type: 'round.closed';
      readonly round: number;
      readonly kind: TaskKind;
      /** Figures of the model the round was opened with, pooled over sites. */
      readonly metrics: MetricReport;
      /** The new global model of a training round. */
      readonly model?: FileRef;
      /** What was chosen among the models scored so far; logs of version 0.1.0 lack it. */
      readonly chosen?: {
        readonly best?: BestModel;
        /** Best since a site of the best one gives no figure any more. */
        readonly stand_in?: BestModel;
      };
      /** Sentences for people: who gave no figure, whose weight was bounded. */
      readonly notes?: readonly string[];
    }
  | { readonly type: 'run.interrupted'; readonly signal: string }
  | { readonly type: 'run.failed'; readonly error: ErrorReport }
  | { readonly type: 'run.finished'; readonly model: FileRef; readonly best?: BestModel };

/** A site's answer to one task, whose bytes are on disk. */
export interface AcceptedResult {
  readonly site: string;
  readonly update?: FileRef;
  readonly paramsType: 'FULL' | 'DIFF';
  readonly numExamples: number;
  readonly metrics: MetricReport;
  /** What the site keeps for its next task (`flare.saveState`). */
  readonly state?: FileRef;
  /** Seconds the task took at the site. */
  readonly seconds: number;
}

export interface BestModel {
  /** Which model: 0 is the initial one. */
  readonly round: number;
  readonly metric: string;
  readonly value: number;
  readonly model: FileRef;
}

export type RunObserver = (event: RunEvent) => void;

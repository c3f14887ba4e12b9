import type { Harmonisation } from '../../algorithms/harmonisation/record.ts';
import type { LearningTask } from '../../base/selection/learning-task.ts';
import type { Selection } from '../../base/selection/selection.ts';
import type { ParamSet } from '../../base/tensors/nd-array.ts';
import type { JsonValue } from '../../job/definition.ts';

/** A file of a task: named arrays or bytes, as the workflow says. */
export type TaskFile = ParamSet | Uint8Array;

/** What a site receives: the global model and where the job stands. nvflare's FLModel. */
export interface ReceivedModel {
  readonly params: ParamSet;
  /** What the workflow gives beside it, by name. */
  readonly files: Readonly<Record<string, TaskFile>>;
  /** From 1; `totalRounds + 1` for the scoring of the final model. */
  readonly currentRound: number;
  readonly totalRounds: number;
}

/** What a site sends back. */
export interface SentModel {
  /** Every array of the received model, under its own name. Left out for an evaluation. */
  readonly params?: ParamSet;
  /** What the workflow asks for beside it, by name. */
  readonly files?: Readonly<Record<string, TaskFile>>;
  /** JSON that the workflow asks for, by name. */
  readonly values?: Readonly<Record<string, JsonValue>>;
  /** FULL (default): `params` are the new values. DIFF: what changed against the received ones. */
  readonly paramsType?: 'FULL' | 'DIFF';
  /** Figures of the received model on this site's own data: plain JSON with finite numbers. */
  readonly metrics?: object;
  /** Examples trained on: the weight of this site in the mean. Default 1. */
  readonly numExamples?: number;
}

/** A site's data, as the job or the site says. */
export interface SiteData {
  /** BIDS folder. */
  readonly root: string;
  /** split.json, of which the part of `site` is this site's. */
  readonly split?: string;
  /** Which images, with which labels, as the job says. */
  readonly selection?: Selection;
  /** What is learnt, as the job says; without it classification. */
  readonly task?: LearningTask;
  readonly site: string;
  /** What takes scanners out of its pictures, where the job's workflow has found it. */
  readonly harmonisation?: Harmonisation;
}

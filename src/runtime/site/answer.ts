import type { ErrorReport } from '../base/errors/errors.ts';
import type { MetricReport } from '../base/logging/metrics.ts';
import type { PACKED_ENCODINGS } from '../base/tensors/packed/form.ts';
import type { EngineUse, Values } from '../run/events.ts';
import type { Statistics } from '../run/statistics.ts';

/** A file of an answer, whole and on disk. */
export interface AnswerFile {
  /** Absolute. */
  readonly path: string;
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

/** What a site answers to a task. What the coordinator reads of it is made from this: its events in a simulation, its wire form over the network. */
export interface Answer {
  readonly paramsType: 'FULL' | 'DIFF';
  /** Of its files of arrays; without it they are as they are. */
  readonly encoding?: (typeof PACKED_ENCODINGS)[keyof typeof PACKED_ENCODINGS];
  readonly numExamples: number;
  /** As the script reported them. */
  readonly metrics: MetricReport;
  /** What they add to the figures over all sites. */
  readonly statistics: Statistics;
  /** What the task asked for, by name: of a training task the `model`. */
  readonly files: Readonly<Record<string, AnswerFile>>;
  /** What it asked for as JSON, by name. */
  readonly values?: Values;
  /** SHA-256 of what the site keeps for its next task. */
  readonly state: string | undefined;
  /** What computed it. */
  readonly engine: EngineUse | undefined;
  /** The task took at the site. */
  readonly seconds: number;
}

/** What a task came to, and at which of its beginnings, counted from 1. */
export type TaskEnd = { readonly attempt: number } & (
  | { readonly answer: Answer }
  | { readonly failure: ErrorReport }
);

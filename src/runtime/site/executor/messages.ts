import type { ErrorReport } from '../../base/errors/errors.ts';
import type { MetricReport } from '../../base/logging/metrics.ts';
import type { EngineChoice } from '../../job/engine-choice.ts';
import type { EngineUse, Values } from '../../run/events.ts';
import type { ScriptTask } from '../script/script-runner.ts';
import type { Closed } from './guard/close-ways.ts';

/** Which engine scripts get from `compile`. */
export interface EngineSetup {
  readonly choice: EngineChoice;
  /** Devices as the user named them, e.g. `0`. */
  readonly gpu: string | undefined;
  readonly requireGpu: boolean;
  /** Inside one operation of the ort engine; default 1, since sites run side by side. */
  readonly threads?: number | undefined;
}

/** What a process for scripts is started with. */
export interface ProcessSetup {
  readonly engine: EngineSetup;
  /** What is taken from scripts; nothing where the site does not isolate them. */
  readonly closed: Closed | undefined;
  /** Stands in an answer that came when the script was over and had left nothing behind. No script is told it. */
  readonly sign?: string | undefined;
}

/** To the one that runs scripts: run this task and leave its files where `output` says. */
export interface TaskOrder {
  readonly task: ScriptTask;
  /** The site's own folder, in which a process puts itself; undefined: it was started there. */
  readonly home?: string;
  /** Where features of frozen networks are kept; they never leave the site. */
  readonly features?: string;
  /** Absolute paths. */
  readonly output: {
    /** Of each file of the answer by its name. */
    readonly files: Readonly<Record<string, string>>;
    readonly state: string;
  };
}

/** What a script sent. Its files lie where the order said; here are their SHA-256. */
export interface ScriptAnswer {
  readonly paramsType: 'FULL' | 'DIFF';
  readonly numExamples: number;
  readonly metrics: MetricReport;
  readonly files: Readonly<Record<string, string>>;
  readonly values?: Values | undefined;
  readonly state?: string | undefined;
  /** What computed it; undefined where no engine was asked for. */
  readonly engine?: EngineUse | undefined;
}

/** From the one that runs scripts. */
export type TaskMessage =
  | { readonly type: 'ready' }
  /** Just before the first line of the script: its time begins. */
  | { readonly type: 'started' }
  | { readonly type: 'log'; readonly text: string }
  | { readonly type: 'progress'; readonly done: number; readonly total: number }
  | { readonly type: 'result'; readonly result: ScriptAnswer; readonly sign?: string | undefined }
  | { readonly type: 'failure'; readonly error: ErrorReport }
  /** Before an answer: what the script left in its thread, where the next task would find it. */
  | { readonly type: 'left'; readonly traces: readonly string[] }
  /** From a thread, in place of an answer: the script uses something that threads share. */
  | { readonly type: 'needs-process'; readonly what: string };

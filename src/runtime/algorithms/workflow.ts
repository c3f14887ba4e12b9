import type { z } from 'zod';
import type { MetricReport } from '../base/logging/metrics.ts';
import type { Aggregation, Aggregator } from './aggregator.ts';
import type { Reducer } from './reducer.ts';
import type { TaskForm, TaskKey } from './task.ts';

/** A file of the run, named so that a changed one is found out; `path` is relative to the run's folder. A workflow passes it on. */
export interface FileRef {
  readonly path: string;
  readonly sha256: string;
}

/** Named files of which one is the global model; others are what its next step begins with. */
export type Payload = { readonly model: FileRef } & Readonly<Record<string, FileRef>>;

/** A task for sites, one each: one of those that the workflow declares. No two exchanges of a run have the same key. */
export interface TaskSpec extends TaskKey {
  /** What all sites are given, or each of them. */
  readonly inputs: Payload | ((site: string) => Payload);
}

/** One site's answer to a task; its files are durable. */
export interface Answer {
  readonly site: string;
  /** What the task asked for, by name: of a training task the `model`. */
  readonly files: Readonly<Record<string, FileRef>>;
  /** What it asked for as JSON, by name. */
  readonly values?: Readonly<Record<string, unknown>>;
  /** Whether the model is whole, or the difference to what the site received. */
  readonly paramsType: 'FULL' | 'DIFF';
  readonly numExamples: number;
  /** Figures of the model that the site received, on its own data. */
  readonly metrics: MetricReport;
}

/** What came of a task that a site was asked for alone. */
export interface Arrival {
  /** Id of the task. */
  readonly task: string;
  readonly round: number;
  readonly site: string;
  /** Undefined: the site failed. */
  readonly answer: Answer | undefined;
}

/** Puts JSON into a file. */
export interface KeepStep {
  readonly round: number;
  /** What tasks know the file by. */
  readonly name: string;
  /** Made of answers, and of nothing else. */
  readonly value: object;
  /** What the sites were given. */
  readonly base: Payload;
  /** Of what it is made of, what people should know. */
  readonly notes?: readonly string[];
}

/** Makes a new global model, and the files that its next step needs, out of answers. */
export interface ReduceStep<Options extends object = object> {
  readonly round: number;
  /** What is made, where a round makes several. */
  readonly about?: string;
  /** Of the answers, what is reduced. Default: model */
  readonly file?: string;
  /** One of those that the workflow declares, or the weighted mean. */
  readonly reducer: Reducer<Options>;
  /** Of the reducer; without, it has none. */
  readonly options?: Options;
  /** How the answers become what the reducer steps from; default: by their weights. */
  readonly aggregation?: Aggregation | undefined;
  /** What the sites received. */
  readonly base: Payload;
  /** In its place zeros of the same arrays. */
  readonly fromZero?: boolean;
  readonly answers: readonly Answer[];
  /** One an answer, in its order; default: the numbers of examples, bounded as the job asks. */
  readonly weights?: readonly number[];
  /** Of these weights, what people should know. */
  readonly notes?: readonly string[];
  /** What each site received, where that is not `base`; in the order of the answers. */
  readonly received?: readonly Payload[];
}

/**
 * The sites, seen from a workflow. Behind it are threads, local processes or hospitals. Every call is noted in the run's log with its
 * outcome; after a restart the workflow runs again from its first line, and calls that have an outcome are answered from the log.
 */
export interface Federation {
  readonly initial: Payload;
  /** Sites for a round, once enough are there, as the job's rules ask for them; in site order. */
  members(round: number): Promise<readonly string[]>;
  /**
   * Gives each site the task (a site has one at a time) and waits until the job's rules are met, or those given in their place, or throws the first failure. The
   * answers that count, in site order.
   */
  exchange(task: TaskSpec, sites: readonly string[], rules?: RoundRules): Promise<readonly Answer[]>;
  /**
   * Gives one site a task, and waits for nothing. A site has one such task at a time; an exchange, or the end of the run, takes those
   * back that have no answer yet.
   */
  ask(task: TaskSpec, site: string): Promise<void>;
  /** The next answer, or failure, to such tasks, in the order of the log. Throws the last failure where nothing is waited for. */
  next(): Promise<Arrival>;
  reduce<Options extends object>(step: ReduceStep<Options>): Promise<Payload>;
  /** What tasks begin with, and a file beside it. */
  keep(step: KeepStep): Promise<Payload>;
  /**
   * Closes a round: figures of the model that its task was given, the best model so far, and, where it has made one, the new global
   * payload. Files of answers before it, and of the payload before, are not needed any more, but for those that are `kept` until the
   * next round closes. Returns the key figure of the model that its task was given.
   */
  publish(round: number, made?: Payload, beside?: PublishedBeside): Promise<KeyFigure>;
}

/** What a round leaves beside its model. */
export interface PublishedBeside {
  readonly kept?: KeptModels | undefined;
  /** Sentences for people. */
  readonly notes?: readonly string[];
}

/** What models are chosen by. */
export interface KeyFigure {
  readonly metric: string;
  readonly goal: 'maximize' | 'minimize';
  /** Over all sites; null: no site could give it. */
  readonly value: number | null;
}

/** Files of a round that are needed once it is closed. */
export interface KeptModels {
  /** The model that its sites received. */
  readonly base: FileRef;
  /** What each of them sent. */
  readonly answers: Readonly<Record<string, FileRef>>;
}

/** When an exchange has what it needs. */
export interface RoundRules {
  /** Results the round needs. */
  readonly minClients: number;
  /** Sites whose result it needs in any case. */
  readonly mandatory?: readonly string[];
  /** Seconds to wait for the others once these have answered; undefined waits for all. */
  readonly waitTimeAfterMinReceived?: number;
  /** Results that end the round at once, where more sites were asked than are wanted. */
  readonly target?: number;
  /** Whoever fails, the round comes to its end: its answers, be there none, are no part of a model. */
  readonly mayFail?: true;
}

/** All are waited for, and whoever fails has no part in it. */
export const WITHOUT_FAILED: RoundRules = { minClients: 1, mayFail: true };

/** What a workflow is given of the job; `options` are the keys that its type alone has. */
export interface WorkflowJob<Options> {
  readonly numRounds: number;
  /** Sites that take part in all, where the job says how many. */
  readonly clients?: number | undefined;
  /** Times the median of the others that a number may count which a site gives of itself. */
  readonly maxWeightRatio: number;
  readonly options: Options;
}

type Tasks = Readonly<Record<string, TaskForm>>;

/**
 * An algorithm of federated learning: which sites do what in which round. It is deterministic: whatever may differ from run to run it
 * asks of the federation.
 */
export interface Workflow<Options = object> {
  /** Its tasks beside `train` and `evaluate`, or in their place: a site takes no other ones. */
  readonly tasks?: Tasks;
  /** Those that follow from its options. */
  tasksOf?(options: Options): Tasks;
  /** What it reduces answers by, beside the weighted mean. */
  readonly reducers?: readonly Reducer[];
  /** How else it may aggregate them. */
  readonly aggregators?: readonly Aggregator[];
  /** Returns the final payload. */
  run(federation: Federation, job: WorkflowJob<Options>): Promise<Payload>;
}

/** Keys under `workflow` in job.yaml, each with what it is where the job leaves it out. */
export type OptionShape = Readonly<Record<string, z.ZodDefault<z.ZodType>>>;

/** What of a job contradicts itself: a key under `workflow`, and why. */
export interface OptionFault {
  readonly key: string;
  readonly message: string;
}

/** A workflow that jobs name by its file: all that the job file, FedJob and the pages know of it. */
export interface DeclaredWorkflow<Shape extends OptionShape = OptionShape>
  extends Workflow<z.output<z.ZodObject<Shape>>> {
  /** What it does, in half a sentence. */
  readonly summary: string;
  /** Who published it, and when. */
  readonly source: string;
  /** Keys of its own. */
  readonly options: Shape;
  /** Keys of every workflow that have no meaning in it. */
  readonly without?: { readonly keys: readonly CommonKey[]; readonly why: string };
  /** Its rounds need nothing of their answers but sums of the updates, weighted so; without this they need more of each. */
  readonly sums?: 'by examples' | 'alike';
  /** Answers without which a round does not do what it is meant to: a job of fewer is refused. Default: 1 */
  leastAnswers?(options: z.output<z.ZodObject<Shape>>): number;
  /** Of the keys that a job has under `workflow`, without defaults. */
  faults?(given: Readonly<Record<string, unknown>>): readonly OptionFault[];
}

/** Keys of every workflow that not every one has a use for. */
export type CommonKey =
  | 'min_clients'
  | 'mandatory_clients'
  | 'clients_per_round'
  | 'wait_time_after_min_received';

/** A workflow, with the types of its options. */
export function declareWorkflow<Shape extends OptionShape>(
  workflow: DeclaredWorkflow<Shape>,
): DeclaredWorkflow<Shape> {
  return workflow;
}

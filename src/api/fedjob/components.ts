import type { WorkflowType } from '../../runtime/algorithms/registry.ts';
import type { ScriptArgs } from '../../runtime/job/definition.ts';
import type { ResultFilterName } from '../../runtime/job/result-filters.ts';

export interface FedJobOptions {
  /** Letters, digits, dots, dashes and underscores; runs lie in WORKSPACE/<name>/. */
  readonly name: string;
  readonly description?: string;
  /** Every random choice of a run follows from it; default: 0. */
  readonly seed?: number;
  /** BIDS folder, and the split by which sites get their parts of it; paths start at the current folder. */
  readonly data?: { readonly root: string; readonly split?: string };
  /** What the job takes of a site while it runs there. */
  readonly resources?: { readonly cpus?: number; readonly memoryGb?: number; readonly gpus?: number };
}

/** What `FedAvg` takes; what is left out has the job file's default. Times are in seconds. */
export interface FedAvgOptions {
  readonly numRounds: number;
  /** Sites that take part; default: as many as have a runner of their own, else as the split has, else 2. */
  readonly numClients?: number;
  /** Results a round needs; default: all. */
  readonly minClients?: number;
  /** Sites without whose result no round is closed. */
  readonly mandatoryClients?: readonly string[];
  /** Results that make a round, from sites drawn anew each time; default: every site. */
  readonly clientsPerRound?: number;
  /** Sites asked, as a multiple of `clientsPerRound`. */
  readonly overSelection?: number;
  /** How long the others are waited for once `minClients` have answered; default: until all have. */
  readonly waitTimeAfterMinReceived?: number;
  /** @deprecated The name of `waitTimeAfterMinReceived` in version 0.1.0. */
  readonly waitAfterQuorum?: number;
  /** How long a site that is lost is waited for. */
  readonly siteTimeout?: number;
  /** Figure that chooses the best model; the sites must report it. Default: accuracy. */
  readonly keyMetric?: string;
  /** Default: minimize where the metric is called a loss or an error, else maximize. */
  readonly keyMetricGoal?: 'maximize' | 'minimize';
  /** A site counts at most so many times the median of the others. Default: 100. */
  readonly maxWeightRatio?: number;
  /** Of FedAvg, FedProx and FedOpt: names of arrays that stay at each site, in which `*` stands for any characters (FedBN, FedPer). */
  readonly localTensors?: readonly string[];
  /** Whether the last model of each site is scored at all sites in the end. Not of Cyclic and FedBuff. Default: false. */
  readonly crossSiteEvaluation?: boolean;
}

/** The workflow of a job: mean of the site models, weighted by examples (McMahan et al. 2017). */
export class FedAvg<Options extends FedAvgOptions = FedAvgOptions> {
  readonly type: WorkflowType = 'fedavg';
  readonly options: Options;

  constructor(options: Options) {
    this.options = options;
  }
}

export interface FedProxOptions extends FedAvgOptions {
  /** Weight of the pull towards the received model. Default: 0.01. */
  readonly proximalMu?: number;
}

/** FedAvg whose sites are pulled towards the model that they received (Li et al. 2020). */
export class FedProx extends FedAvg<FedProxOptions> {
  override readonly type = 'fedprox';
}

export interface FedOptOptions extends FedAvgOptions {
  /** Default: sgd. */
  readonly serverOptimizer?: 'sgd' | 'adam' | 'adagrad' | 'yogi';
  /** Default: 1. */
  readonly serverLearningRate?: number;
  /** Momentum of SGD, beta 1 of the others. Default: 0.9. */
  readonly serverMomentum?: number;
  /** Of Adam and Yogi. Default: 0.99. */
  readonly serverBeta2?: number;
  /** Added to the root of the second moment. Default: 0.001. */
  readonly serverTau?: number;
}

/** FedAvg whose server steps from the mean with an optimizer of its own (Reddi et al. 2021). */
export class FedOpt extends FedAvg<FedOptOptions> {
  override readonly type = 'fedopt';
}

/** Each round is of one site, which trains on from the model of the one before (Chang et al. 2018). */
export class Cyclic extends FedAvg {
  override readonly type = 'cyclic';
}

export interface FedBuffOptions extends FedAvgOptions {
  /** Answers from which the server steps. Default: 2. */
  readonly bufferSize?: number;
  /** Steps of the server after which an answer counts for nothing. Default: 10. */
  readonly maxStaleness?: number;
  /** Default: 1. */
  readonly serverLearningRate?: number;
}

/** The server steps from the first answers and waits for no slower site (Nguyen et al. 2022). */
export class FedBuff extends FedAvg<FedBuffOptions> {
  override readonly type = 'fedbuff';
}

export interface ScaffoldOptions extends FedAvgOptions {
  /** How a site renews its control variate: 1 by the gradient at the received model, 2 by its steps. Default: 2. */
  readonly scaffoldOption?: 1 | 2;
  /** Default: 1. */
  readonly serverLearningRate?: number;
}

/** Sites correct each step by what server and site know of the gradients (Karimireddy et al. 2020). */
export class Scaffold extends FedAvg<ScaffoldOptions> {
  override readonly type = 'scaffold';
}

export interface ScriptRunnerOptions {
  /** Path of the training script, from the current folder. */
  readonly script: string;
  /** What `flare.args()` returns to it. */
  readonly scriptArgs?: ScriptArgs;
  /** As in nvflare; it changes nothing here and may be left out: every script gets named typed arrays with shapes. */
  readonly framework?: 'numpy' | 'tfjs';
  /** Seconds after which a script that gave no answer is ended; default: 3600. */
  readonly taskTimeout?: number;
}

/** The executor of a site: runs a training script. */
export class ScriptRunner {
  readonly options: ScriptRunnerOptions;

  constructor(options: ScriptRunnerOptions) {
    this.options = options;
  }
}

/** Changes every answer before it leaves a site; several are applied in the order in which a job is given them. */
export abstract class TaskResultFilter<Options extends object = object> {
  /** The job file's name for it. */
  abstract readonly name: ResultFilterName;
  readonly options: Options;

  constructor(options: Options) {
    this.options = options;
  }
}

export interface ExcludeVarsOptions {
  /** Names of arrays; `*` stands for any characters. */
  readonly excludeVars: string | readonly string[];
}

/** Arrays that stay at the site. */
export class ExcludeVars extends TaskResultFilter<ExcludeVarsOptions> {
  override readonly name = 'exclude_vars';
}

export interface NormClipOptions {
  /** Most that an update may differ from the received model, in the L2 norm over all its float arrays. */
  readonly maxNorm: number;
}

/** Shrinks an update that differs by more, in its direction (McMahan et al. 2018). */
export class NormClip extends TaskResultFilter<NormClipOptions> {
  override readonly name = 'norm_clip';
}

/** Numbers in lists, nested as the array's shape is. */
export type NestedNumbers = number | readonly NestedNumbers[];

/** An array of another type than float32, or one number that fills a shape. */
export interface TypedNumbers {
  readonly dtype?: 'float64' | 'float32' | 'int32' | 'int16' | 'int8' | 'uint8';
  readonly shape?: readonly number[];
  readonly data: NestedNumbers;
}

/** Model 0 of a job: arrays by name, or the path of a safetensors file, from the current folder. */
export class InitialParams {
  readonly params: string | Readonly<Record<string, NestedNumbers | TypedNumbers>>;

  constructor(params: string | Readonly<Record<string, NestedNumbers | TypedNumbers>>) {
    this.params = params;
  }
}

/** Model 0 of a job: built by the coordinator from the job's seed. */
export class BuiltModel {
  readonly spec: Readonly<Record<string, unknown>> & { readonly type: string };

  /** What stands under `model` in a job file, e.g. `{ type: 'mri-cnn', image_size: 96 }`; scripts get it from `flare.model()`. */
  constructor(spec: Readonly<Record<string, unknown>> & { readonly type: string }) {
    this.spec = spec;
  }
}

/** What the sites of a job can be given. */
export type SiteComponent = ScriptRunner | TaskResultFilter;
/** What the server of a job can be given. */
export type ServerComponent = FedAvg | InitialParams | BuiltModel;

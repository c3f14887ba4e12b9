import type { ScriptArgs } from '../../runtime/job/definition.ts';
import type { PackingName, ResultFilterName } from '../../runtime/job/result-filters.ts';
import type { Workflow } from './workflows.ts';

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
  /** The model is made of the sum of the updates, of which none is looked at. */
  readonly secureAggregation?: {
    /** Sites in a sum at least; default: 3. */
    readonly minSites?: number;
    /** Sites that open a sum together; default: more than two thirds of those of a round. */
    readonly threshold?: number;
    /** Whether sites agree on whose updates are in a sum before they open it; default: true. */
    readonly consistency?: boolean;
  };
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
  abstract readonly name: ResultFilterName | PackingName;
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

/** Sends differences as numbers of 16 bits. What packs is the last filter of a job. */
export class Float16 extends TaskResultFilter {
  override readonly name = 'float16';

  constructor() {
    super({});
  }
}

export interface Int8Options {
  /** Default: stochastic, by the seed of the task. */
  readonly rounding?: 'stochastic' | 'nearest';
}

/** Sends differences as whole numbers of 8 bits (Alistarh et al. 2017). */
export class Int8 extends TaskResultFilter<Int8Options> {
  override readonly name = 'int8';

  constructor(options: Int8Options = {}) {
    super(options);
  }
}

export interface TopKOptions {
  /** Share of the numbers of each array that travels; default: 0.05. */
  readonly ratio?: number;
}

/** Sends the largest differences; the site adds what did not travel to its next update (Stich et al. 2018, Karimireddy et al. 2019). */
export class TopK extends TaskResultFilter<TopKOptions> {
  override readonly name = 'top_k';

  constructor(options: TopKOptions = {}) {
    super(options);
  }
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
export type ServerComponent = Workflow | InitialParams | BuiltModel;

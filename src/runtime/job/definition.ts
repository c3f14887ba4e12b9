import { dirname, relative, resolve } from 'node:path';
import type { OptionsOf, WorkflowType } from '../algorithms/registry.ts';
import { type LearningTask, learningTaskOf } from '../base/selection/learning-task.ts';
import type { Selection } from '../base/selection/selection.ts';
import { defaultArgs } from './declared-args.ts';
import { JOB_PATHS } from './job-paths.ts';
import { goalByName } from './key-metric.ts';
import { definePrivacy, type PrivacyDefinition } from './privacy.ts';
import { type PythonDefinition, pythonOf } from './python.ts';
import { type PackingSpec, partedFilters, type ResultFilterSpec } from './result-filters.ts';
import type { ArrayLiteral, JobFile } from './schema.ts';
import { scriptArgsOf } from './script-args.ts';
import { type SecureAggregation, secureAggregationOf } from './secure-aggregation.ts';
import { optionsOf } from './workflow-options.ts';

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
export type ScriptArgs = Readonly<Record<string, JsonValue>>;

export interface WorkflowDefinition {
  readonly type: WorkflowType;
  /** Of its type alone. */
  readonly options: OptionsOf<WorkflowType>;
  readonly clients: number | undefined;
  readonly minClients: number | undefined;
  readonly mandatory: readonly string[];
  readonly clientsPerRound: number | undefined;
  readonly overSelection: number;
  /** Seconds. */
  readonly siteTimeout: number;
  /** Seconds. */
  readonly waitTimeAfterMinReceived: number | undefined;
  readonly numRounds: number;
  readonly keyMetric: string;
  readonly keyMetricGoal: 'maximize' | 'minimize';
  /** Of a weight over the median of the others. */
  readonly maxWeightRatio: number;
}

export interface ExecutorDefinition {
  readonly type: 'script' | 'python';
  /** Of type python. */
  readonly python: PythonDefinition | undefined;
  readonly trainScript: string;
  readonly args: ScriptArgs;
  /** Seconds. */
  readonly taskTimeout: number;
}

export type ModelDefinition =
  | { readonly kind: 'initial'; readonly params: string | Readonly<Record<string, ArrayLiteral>> }
  | {
      readonly kind: 'built';
      readonly spec: Readonly<Record<string, JsonValue>>;
      /** Where its parameters come from, if not from the seed; of a model on a pretrained network, that network. */
      readonly importFrom?: string;
    };

export interface DataDefinition {
  readonly root: string;
  readonly split: string | undefined;
  readonly selection: Selection | undefined;
  /** What is learnt; undefined: classification. */
  readonly task: LearningTask | undefined;
}

/** A job as the runtime sees it: camelCase, defaults filled in, paths absolute. */
export interface JobDefinition {
  readonly name: string;
  readonly workflow: WorkflowDefinition;
  readonly executor: ExecutorDefinition;
  readonly model: ModelDefinition;
  readonly data: DataDefinition | undefined;
  /** Of one site, while the job runs there. */
  readonly resources: { readonly cpus: number; readonly memoryGb: number; readonly gpus: number };
  readonly seed: number;
  readonly siteArgs: Readonly<Record<string, ScriptArgs>>;
  /** Of scripts in Python: those of these sites stand in the place of the job's. */
  readonly siteScriptArgs: Readonly<Record<string, readonly string[]>>;
  /** Of every answer, in this order, before the site's own. */
  readonly resultFilters: readonly ResultFilterSpec[];
  /** How updates travel, once all filters were applied; undefined: as they are. */
  readonly packing: PackingSpec | undefined;
  /** What is promised to the people of each site; undefined: nothing. */
  readonly privacy: PrivacyDefinition | undefined;
  /** Undefined: updates are looked at one by one. */
  readonly secureAggregation: SecureAggregation | undefined;
}

/** The type of model whose file is a network that stays as it is, in the folder of the job. */
export const NETWORK_TYPE = 'backbone';

/** The model as its script is given it: files in the folder where the job lies there. */
export function modelIn(
  folder: string,
  spec: Readonly<Record<string, JsonValue>>,
): Readonly<Record<string, JsonValue>> {
  const { type, import: from } = spec;
  return type === NETWORK_TYPE && typeof from === 'string'
    ? { ...spec, import: resolve(folder, from) }
    : spec;
}

/** The one place where the file's keys become the runtime's. `jobFile` is the path of job.yaml. */
export function defineJob(file: JobFile, jobFile: string): JobDefinition {
  const fromJob = (path: string) => resolve(dirname(jobFile), path);
  const { workflow, executor, data } = file;
  return {
    name: file.name,
    workflow: {
      type: workflow.type,
      options: optionsOf(workflow),
      clients: workflow.n_clients,
      minClients: workflow.min_clients,
      mandatory: workflow.mandatory_clients,
      clientsPerRound: workflow.clients_per_round,
      overSelection: workflow.over_selection,
      siteTimeout: workflow.site_timeout,
      waitTimeAfterMinReceived: workflow.wait_time_after_min_received ?? workflow.wait_after_quorum,
      numRounds: workflow.num_rounds,
      keyMetric: workflow.key_metric,
      keyMetricGoal: workflow.key_metric_goal ?? goalByName(workflow.key_metric),
      maxWeightRatio: workflow.max_weight_ratio,
    },
    executor: {
      type: executor.type,
      python: pythonOf(executor),
      trainScript: executor.train_script,
      args: { ...defaultArgs(executor.declared_args), ...executor.args },
      taskTimeout: executor.task_timeout,
    },
    model: defineModel(file.model, fromJob),
    data: data && {
      root: fromJob(data.root),
      split: data.split === undefined ? undefined : fromJob(data.split),
      selection: data.selection,
      task: data.task === undefined || data.task === 'classification' ? undefined : learningTaskOf(data),
    },
    resources: {
      cpus: file.resources.cpus,
      memoryGb: file.resources.memory_gb,
      gpus: file.resources.gpus,
    },
    seed: file.seed,
    ...partedFilters(file.task_result_filters),
    privacy: file.privacy && definePrivacy(file.privacy),
    secureAggregation: secureAggregationOf(file.secure_aggregation),
    siteArgs: Object.fromEntries(Object.entries(file.sites).map(([site, { args }]) => [site, args ?? {}])),
    siteScriptArgs: Object.fromEntries(
      Object.entries(file.sites).flatMap(([site, { script_args: own }]) =>
        own === undefined ? [] : [[site, scriptArgsOf(own)]],
      ),
    ),
  };
}

/** Keys whose paths may start elsewhere, so that `--set data=./bids` means the caller's `./bids` wherever the job lies. */
export const PATH_KEYS: ReadonlySet<string> = new Set(
  Object.keys(JOB_PATHS).filter((key) => key !== 'executor.train_script'),
);

/** A path typed in the current folder, as it must stand in a job.yaml in `jobFolder`. */
export function pathInJob(path: string, jobFolder: string): string {
  const inside = relative(resolve(jobFolder), resolve(path)).replaceAll('\\', '/');
  return inside === '' || inside.startsWith('.') || inside.startsWith('/') ? inside || '.' : `./${inside}`;
}

function defineModel(model: JobFile['model'], fromJob: (path: string) => string): ModelDefinition {
  if ('initial_params' in model) {
    const { initial_params: params } = model as { initial_params: string | Record<string, ArrayLiteral> };
    return { kind: 'initial', params: typeof params === 'string' ? fromJob(params) : params };
  }
  const { import: from, ...spec } = model as Record<string, JsonValue>;
  if (typeof from !== 'string') return { kind: 'built', spec };
  // What a frozen network computes is part of the model, wherever the job lies.
  const isNetwork = spec.type === NETWORK_TYPE;
  return { kind: 'built', spec: isNetwork ? { ...spec, import: from } : spec, importFrom: fromJob(from) };
}

import type { z } from 'zod';
import type { WorkflowType } from '../../runtime/algorithms/registry.ts';
import type { OptionShape } from '../../runtime/algorithms/workflow.ts';
import type { WORKFLOWS } from '../../runtime/algorithms/workflows.generated.ts';
import type { COMMON_OPTIONS } from '../../runtime/job/workflow-options.ts';

/** nvflare's name where it is another one than the job file's. */
type Named<Key extends string> = Key extends 'n_clients' ? 'numClients' : CamelCase<Key>;

type CamelCase<Key extends string> = Key extends `${infer First}_${infer Rest}`
  ? `${First}${Capitalize<CamelCase<Rest>>}`
  : Key;

type ReadOnly<Value> = Value extends readonly (infer Item)[] ? readonly Item[] : Value;

/** Keys of the job file as programs spell them. */
type Options<Written> = {
  readonly [Key in keyof Written as Named<Key & string>]: ReadOnly<Written[Key]>;
};

/**
 * What a workflow takes: the keys of `workflow` in the job file (docs/job-file.md), in camelCase; what is left out has its default. Times
 * are in seconds. Without `numClients` there are as many sites as have a runner of their own, else as the split has, else 2.
 */
export type WorkflowOptions<Type extends WorkflowType> = {
  [Each in Type]: (typeof WORKFLOWS)[Each]['options'] extends infer Own extends OptionShape
    ? Options<z.input<z.ZodObject<typeof COMMON_OPTIONS & Own>>>
    : never;
}[Type];

/** The workflow of a job, of any type; most have a class of their own. */
export class Workflow<Type extends WorkflowType = WorkflowType> {
  readonly type: Type;
  readonly options: WorkflowOptions<Type>;

  constructor(type: Type, options: WorkflowOptions<Type>) {
    this.type = type;
    this.options = options;
  }
}

export type FedAvgOptions = WorkflowOptions<'fedavg'>;

/** Mean of the site models, weighted by examples (McMahan et al. 2017). */
export class FedAvg extends Workflow<'fedavg'> {
  constructor(options: FedAvgOptions) {
    super('fedavg', options);
  }
}

export type FedProxOptions = WorkflowOptions<'fedprox'>;

/** FedAvg whose sites are pulled towards the model that they received (Li et al. 2020). */
export class FedProx extends Workflow<'fedprox'> {
  constructor(options: FedProxOptions) {
    super('fedprox', options);
  }
}

export type FedOptOptions = WorkflowOptions<'fedopt'>;

/** FedAvg whose server steps from the mean with an optimizer of its own (Reddi et al. 2021). */
export class FedOpt extends Workflow<'fedopt'> {
  constructor(options: FedOptOptions) {
    super('fedopt', options);
  }
}

export type FedNovaOptions = WorkflowOptions<'fednova'>;

/** Sites that take more steps than others do not pull the model to themselves (Wang et al. 2020). */
export class FedNova extends Workflow<'fednova'> {
  constructor(options: FedNovaOptions) {
    super('fednova', options);
  }
}

export type CyclicOptions = WorkflowOptions<'cyclic'>;

/** Each round is of one site, which trains on from the model of the one before (Chang et al. 2018). */
export class Cyclic extends Workflow<'cyclic'> {
  constructor(options: CyclicOptions) {
    super('cyclic', options);
  }
}

export type FedBuffOptions = WorkflowOptions<'fedbuff'>;

/** The server steps from the first answers and waits for no slower site (Nguyen et al. 2022). */
export class FedBuff extends Workflow<'fedbuff'> {
  constructor(options: FedBuffOptions) {
    super('fedbuff', options);
  }
}

export type ScaffoldOptions = WorkflowOptions<'scaffold'>;

/** Sites correct each step by what server and site know of the gradients (Karimireddy et al. 2020). */
export class Scaffold extends Workflow<'scaffold'> {
  constructor(options: ScaffoldOptions) {
    super('scaffold', options);
  }
}

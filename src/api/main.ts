export { NeuroflareError, type Place } from '../runtime/base/errors/errors.ts';
export type { RunEvent } from '../runtime/run/events.ts';
export type { RunSummary } from '../runtime/run/run-report.ts';
export {
  BuiltModel,
  ExcludeVars,
  type ExcludeVarsOptions,
  type FedJobOptions,
  Float16,
  InitialParams,
  Int8,
  type Int8Options,
  type NestedNumbers,
  NormClip,
  type NormClipOptions,
  ScriptRunner,
  type ScriptRunnerOptions,
  type ServerComponent,
  type SiteComponent,
  TaskResultFilter,
  TopK,
  type TopKOptions,
  type TypedNumbers,
} from './fedjob/components.ts';
export { FedJob } from './fedjob/fed-job.ts';
export type { SimulatorOptions } from './fedjob/simulator-options.ts';
export {
  Cyclic,
  type CyclicOptions,
  FedAvg,
  type FedAvgOptions,
  FedBuff,
  type FedBuffOptions,
  FedNova,
  type FedNovaOptions,
  FedOpt,
  type FedOptOptions,
  FedProx,
  type FedProxOptions,
  Scaffold,
  type ScaffoldOptions,
  Workflow,
  type WorkflowOptions,
} from './fedjob/workflows.ts';

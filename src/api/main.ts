export type { RunSummary } from '../runtime/federation/run-report.ts';
export {
  BuiltModel,
  Cyclic,
  ExcludeVars,
  type ExcludeVarsOptions,
  FedAvg,
  type FedAvgOptions,
  FedBuff,
  type FedBuffOptions,
  type FedJobOptions,
  FedOpt,
  type FedOptOptions,
  FedProx,
  type FedProxOptions,
  InitialParams,
  type NestedNumbers,
  NormClip,
  type NormClipOptions,
  ScriptRunner,
  type ScriptRunnerOptions,
  type ServerComponent,
  type SiteComponent,
  TaskResultFilter,
  type TypedNumbers,
} from '../runtime/fedjob/components.ts';
export { FedJob } from '../runtime/fedjob/fed-job.ts';
export type { SimulatorOptions } from '../runtime/fedjob/simulator-options.ts';
export { NeuroflareError, type Place } from '../runtime/kernel/errors.ts';
export type { RunEvent } from '../runtime/run/events.ts';

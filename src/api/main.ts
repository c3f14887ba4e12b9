export { NeuroflareError, type Place } from '../runtime/base/errors/errors.ts';
export type { RunEvent } from '../runtime/run/events.ts';
export type { RunSummary } from '../runtime/run/run-report.ts';
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
  Scaffold,
  type ScaffoldOptions,
  ScriptRunner,
  type ScriptRunnerOptions,
  type ServerComponent,
  type SiteComponent,
  TaskResultFilter,
  type TypedNumbers,
} from './fedjob/components.ts';
export { FedJob } from './fedjob/fed-job.ts';
export type { SimulatorOptions } from './fedjob/simulator-options.ts';

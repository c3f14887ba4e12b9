import type { AggregationRequest, AggregatorName } from '../../algorithms/aggregator.ts';
import { AGGREGATORS } from '../../algorithms/registry.ts';
import { initialModel, writeModel } from '../../federation/initial-model.ts';
import type { JobDefinition } from '../../job/definition.ts';
import { checkModelFile, checkUpdateFile } from '../../tensors/check-file.ts';

/** Work that takes long for its bytes or numbers: done beside the thread that serves requests. */
export const OPERATIONS = {
  aggregate: ({ name, request }: { name: AggregatorName; request: AggregationRequest }) =>
    AGGREGATORS[name](request),
  checkUpdate: ({ path, model }: { path: string; model: string }) => checkUpdateFile(path, model),
  checkModel: ({ path }: { path: string }) => checkModelFile(path),
  makeModel: async ({ job, target }: { job: JobDefinition; target: string }) =>
    writeModel(await initialModel(job), target),
} satisfies Record<string, (input: never) => Promise<unknown>>;

export type Operation = keyof typeof OPERATIONS;
export type OperationResult<Name extends Operation> = Awaited<ReturnType<(typeof OPERATIONS)[Name]>>;
export type OperationInput<Name extends Operation> = Parameters<(typeof OPERATIONS)[Name]>[0];

import type { AggregationRequest, AggregatorName } from '../../algorithms/aggregator.ts';
import { AGGREGATORS } from '../../algorithms/registry.ts';
import { initialModel } from '../../federation/initial-model.ts';
import type { JobDefinition } from '../../job/definition.ts';
import { checkModelFile, checkUpdateFile } from '../../tensors/check-file.ts';
import { encodeSafetensors } from '../../tensors/safetensors.ts';
import { writeFileAtomic } from '../../workspace/files.ts';

/** Work that takes long for its bytes or numbers: done beside the thread that serves requests. */
export const OPERATIONS = {
  aggregate: ({ name, request }: { name: AggregatorName; request: AggregationRequest }) =>
    AGGREGATORS[name](request),
  checkUpdate: ({ path, model }: { path: string; model: string }) => checkUpdateFile(path, model),
  checkModel: ({ path }: { path: string }) => checkModelFile(path),
  makeModel: async ({ job, target }: { job: JobDefinition; target: string }) =>
    writeFileAtomic(target, encodeSafetensors(await initialModel(job))),
} satisfies Record<string, (input: never) => Promise<void>>;

export type Operation = keyof typeof OPERATIONS;
export type OperationInput<Name extends Operation> = Parameters<(typeof OPERATIONS)[Name]>[0];

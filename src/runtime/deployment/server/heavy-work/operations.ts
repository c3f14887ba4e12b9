import { checkModelFile } from '../../../base/tensors/check-file.ts';
import { initialModel, writeModel } from '../../../federation/initial-model.ts';
import { carryOut } from '../../../federation/reduce/carry-out.ts';
import type { ReduceRequest } from '../../../federation/reduce/request.ts';
import { reportedInside } from '../../../federation/reported-inside.ts';
import { filesOf } from '../../../federation/submitted-job.ts';
import type { JobDefinition } from '../../../job/definition.ts';
import { checkTaskFile, type TaskFile, unpackTaskFile } from '../../../run/task-file.ts';

export interface ModelRequest {
  readonly job: JobDefinition;
  /** Of the job's bundle. */
  readonly folder: string;
  readonly mostBytes: number;
  readonly target: string;
}

/** Work that takes long for its bytes or numbers: done beside the thread that serves requests. */
export const OPERATIONS = {
  reduce: (request: ReduceRequest) => carryOut(request),
  checkFile: (file: TaskFile) => checkTaskFile(file),
  unpackFile: (file: TaskFile & { target: string }) => unpackTaskFile(file),
  checkModel: ({ path }: { path: string }) => checkModelFile(path),
  makeModel: ({ job, folder, mostBytes, target }: ModelRequest) =>
    reportedInside(folder, async () =>
      writeModel(await initialModel(job, filesOf(folder, mostBytes)), target),
    ),
} satisfies Record<string, (input: never) => Promise<unknown>>;

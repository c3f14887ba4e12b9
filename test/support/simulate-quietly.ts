import { simulate } from '../../src/runtime/deployment/simulator/simulate.ts';
import { parseOverride } from '../../src/runtime/job/variables.ts';
import type { RunSummary } from '../../src/runtime/run/run-report.ts';

interface Quietly {
  readonly workspace: string;
  readonly clients?: number;
  readonly set?: readonly string[];
  readonly resume?: string;
}

/** Simulates a job on the cpu engine, and says nothing of it. Returns the folder of the run. */
export async function simulateQuietly(job: string, options: Quietly): Promise<string> {
  return (await summaryOf(job, options)).run_folder;
}

/** As `simulateQuietly`, and returns what the run came to. */
export async function summaryOf(
  job: string,
  { workspace, clients, set = [], resume }: Quietly,
): Promise<RunSummary> {
  return simulate({
    job,
    workspace,
    flags: clients === undefined ? {} : { clients },
    overrides: set.map(parseOverride),
    maxClients: 100,
    engine: { choice: 'cpu', gpu: undefined, requireGpu: false },
    ...(resume !== undefined && { resume }),
    observe: () => undefined,
    onLog: () => undefined,
    signal: new AbortController().signal,
  });
}

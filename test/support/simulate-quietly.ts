import { type SimulateOptions, simulate } from '../../src/runtime/deployment/simulator/simulate.ts';

/** Simulates a job on the cpu engine, and says nothing of it. Returns the folder of the run. */
export async function simulateQuietly(
  job: string,
  { workspace, clients }: { workspace: string; clients?: number },
): Promise<string> {
  const options: SimulateOptions = {
    job,
    workspace,
    flags: clients === undefined ? {} : { clients },
    overrides: [],
    maxClients: 100,
    engine: { choice: 'cpu', gpu: undefined, requireGpu: false },
    observe: () => undefined,
    onLog: () => undefined,
    signal: new AbortController().signal,
  };
  const { run_folder: folder } = await simulate(options);
  return folder;
}

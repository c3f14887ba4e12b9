import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';

export type JobPatch = Readonly<Record<string, unknown>>;

/** A valid job of two sites and two rounds on one array of four numbers. */
export const TINY_JOB = {
  version: 1,
  name: 'tiny',
  workflow: { type: 'fedavg', n_clients: 2, num_rounds: 2, key_metric: 'accuracy' },
  executor: { type: 'script', train_script: 'client/train.ts', framework: 'numpy', args: { step: 1 } },
  model: { initial_params: { weights: { dtype: 'float32', data: [1, 2, 3, 4] } } },
  seed: 7,
} as const;

/** A client that adds a step, and numbers that depend on the seed, to what it receives. */
export const TINY_SCRIPT = `import * as flare from 'neuroflare/client';

await flare.init();
while (await flare.isRunning()) {
  const { params } = await flare.receive();
  const { dtype, shape, data } = params.weights;
  const metrics = { accuracy: data.reduce((sum, x) => sum + x, 0) / data.length };
  if (flare.isEvaluate()) {
    await flare.send({ metrics });
    continue;
  }
  const noise = (flare.seed() % 1000) / 1000;
  const trained = data.map((x) => x + Number(flare.args().step) + noise);
  const numExamples = 1 + (flare.seed() % 7);
  await flare.send({ params: { weights: { dtype, shape, data: trained } }, metrics, numExamples });
}
`;

/** Writes a job folder: the tiny job with `patch` over it (one level deep), `script` as its client, other `files`. */
export async function writeJob(
  folder: string,
  { patch = {}, script = TINY_SCRIPT, files = {} }: JobParts = {},
): Promise<string> {
  const job: Record<string, unknown> = { ...TINY_JOB };
  for (const [key, value] of Object.entries(patch)) job[key] = merged(job[key], value);
  const all = { 'job.yaml': stringify(job), 'client/train.ts': script, ...files };
  for (const [path, text] of Object.entries(all)) {
    if (text === undefined) continue;
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

export interface JobParts {
  readonly patch?: JobPatch;
  readonly script?: string;
  /** By path; undefined leaves a file out. */
  readonly files?: Readonly<Record<string, string | Uint8Array | undefined>>;
}

function merged(base: unknown, over: unknown): unknown {
  return isMap(base) && isMap(over) ? { ...base, ...over } : over;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { planSafetensors } from '../../src/runtime/base/tensors/safetensors.ts';
import { neuroflare } from '../neuroflare.ts';

export interface ModelJob {
  /** Safetensors file to start from. */
  readonly model: string;
  readonly clients: number;
  readonly rounds: number;
  readonly script: string;
}

/** A job folder from the first template, with another model and script. */
export async function makeModelJob(
  folder: string,
  { model, clients, rounds, script }: ModelJob,
): Promise<string> {
  const job = join(folder, 'large');
  neuroflare('job create large --template hello-fedavg-numpy', { cwd: folder });
  writeFileSync(join(job, 'client/hello-numpy_fl.ts'), script);
  const file = join(job, 'job.yaml');
  writeFileSync(
    file,
    readFileSync(file, 'utf8')
      .replace(/initial_params:\s*\n\s*numpy_key:.*\n/, `initial_params: ${model}\n`)
      .replace(/n_clients: \d+/, `n_clients: ${clients}`)
      .replace(/num_rounds: \d+/, `num_rounds: ${rounds}`),
  );
  return job;
}

/** One value again and again, as a safetensors file; returns its bytes. */
export function writeModel(path: string, megabytes: number, value = 1): number {
  const elements = (megabytes * 1_000_000) / 4;
  const { header } = planSafetensors([{ name: 'numpy_key', dtype: 'float32', shape: [elements] }]);
  writeFileSync(path, header);
  const part = Buffer.from(new Float32Array(1_000_000).fill(value).buffer);
  for (let left = elements; left > 0; left -= 1_000_000)
    writeFileSync(path, part.subarray(0, Math.min(left, 1_000_000) * 4), { flag: 'a' });
  return header.length + elements * 4;
}

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ParamSet } from '../../src/runtime/base/tensors/nd-array.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/runtime/base/tensors/safetensors.ts';

export async function readModel(path: string): Promise<ParamSet> {
  return decodeSafetensors(await readFile(path), path);
}

export async function writeModel(folder: string, name: string, params: ParamSet): Promise<string> {
  const path = join(folder, `${name}.safetensors`);
  await writeFile(path, encodeSafetensors(params));
  return path;
}

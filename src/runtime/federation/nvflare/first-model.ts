import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { flError } from '../../base/errors/errors.ts';
import { parseJson } from '../../base/parse-json.ts';
import type { JsonValue } from '../../job/definition.ts';
import { ownInterpreter } from '../../site/python/interpreter.ts';
import { PYTHON_FOLDER } from '../../site/python/python-executor.ts';
import type { FirstModel } from './map-server.ts';

const run = promisify(execFile);
const answer = z.object({ dtypes: z.record(z.string(), z.string()) });
const FILE = 'model.safetensors';
/** Of the one array of numpy's jobs. */
const NUMPY_KEY = 'numpy_key';
/** Characters of what Python prints. */
const MOST_PRINTED = 50_000_000;

export interface MadeModel {
  readonly model: Readonly<Record<string, JsonValue>>;
  /** Types that no file of neuroflare has, by names of arrays. */
  readonly dtypes: Readonly<Record<string, string>>;
}

/**
 * The model that a job starts from, as it stands in job.yaml: arrays as they are, or a file that the job's own code makes here, on the
 * machine of its author. No server runs that code.
 * @param draft folder of the job that is written @param folders where its code lies
 * @throws NF_IMPORT_MODEL, NF_PYTHON_MISSING
 */
export async function makeFirstModel(
  first: FirstModel,
  { draft, folders }: { draft: string; folders: readonly string[] },
): Promise<MadeModel> {
  if (first.kind === 'arrays')
    return { model: { initial_params: { [NUMPY_KEY]: { data: first.data } } }, dtypes: {} };
  const request = { ...first, seed: 0, name: NUMPY_KEY, target: join(draft, FILE), folders };
  const program = [join(PYTHON_FOLDER, 'neuroflare_model.py'), JSON.stringify(request)];
  const { stdout } = await run(ownInterpreter(), program, {
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    maxBuffer: MOST_PRINTED,
  }).catch((error: Error & { stderr?: string }) => {
    const reason = error.stderr?.trim().split('\n').at(-1) ?? error.message;
    throw flError('NF_IMPORT_MODEL', { reason }, { cause: error });
  });
  const last = stdout.trim().split('\n').at(-1) ?? '';
  return { model: { initial_params: `./${FILE}` }, dtypes: answer.parse(parseJson(last)).dtypes };
}

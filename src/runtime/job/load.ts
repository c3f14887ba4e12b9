import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { flError } from '../kernel/errors.ts';
import { checkYaml } from '../workspace/yaml-check.ts';
import { readYaml, type YamlSource } from '../workspace/yaml-source.ts';
import { defineJob, type JobDefinition, PATH_KEYS, pathInJob } from './definition.ts';
import { type JobFile, jobFileSchema } from './schema.ts';
import { applyOverrides, type Override, resolveVariable } from './variables.ts';

/** A job folder, read and checked. */
export interface LoadedJob {
  readonly folder: string;
  readonly file: string;
  readonly source: YamlSource;
  /** As written, with overrides and defaults. */
  readonly value: JobFile;
  readonly definition: JobDefinition;
}

/** Path of the definition in a job folder; the file itself may be given too. */
export async function findJobFile(path: string): Promise<{ folder: string; file: string }> {
  const found = await stat(path).catch(() => undefined);
  if (!found)
    throw flError('NF_JOB_NOT_FOUND', { path, reason: 'the path does not exist' }, { place: { file: path } });
  if (found.isFile()) return { folder: resolve(path, '..'), file: resolve(path) };
  const file = join(resolve(path), 'job.yaml');
  if (!(await stat(file).catch(() => undefined))?.isFile()) {
    throw flError(
      'NF_JOB_NOT_FOUND',
      { path, reason: 'the folder holds no job.yaml' },
      { place: { file: path } },
    );
  }
  return { folder: resolve(path), file };
}

/** Reads and checks a job; `overrides` are `--set` values, applied before the check. */
export async function loadJob(path: string, overrides: readonly Override[] = []): Promise<LoadedJob> {
  const { folder, file } = await findJobFile(path);
  const source = await readYaml(file, 'NF_JOB_YAML');
  const given = overrides.map(fromFolder(folder, source));
  const value = checkYaml(jobFileSchema, source, {
    code: 'NF_JOB_INVALID',
    what: 'the job',
    value: applyOverrides(source.value, given),
  });
  return { folder, file, source, value, definition: defineJob(value, file) };
}

/** Paths given on the command line start at the current folder, those in the file at the job's. */
function fromFolder(folder: string, { value: job }: YamlSource): (override: Override) => Override {
  return ({ name, value }) => {
    const isPath = typeof value === 'string' && PATH_KEYS.has(resolveVariable(job, name));
    return { name, value: isPath ? pathInJob(value, folder) : value };
  };
}

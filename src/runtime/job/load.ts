import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { flError } from '../base/errors/errors.ts';
import { checkYaml } from '../base/files/yaml-check.ts';
import { parseYaml, readYaml, type YamlSource } from '../base/files/yaml-source.ts';
import type { BuiltJob, JobHome } from './built-job.ts';
import { type Bundle, bundleOf, JOB_FILE, readBundle } from './bundle.ts';
import { defineJob, type JobDefinition, PATH_KEYS, pathInJob } from './definition.ts';
import { modelApart } from './model-apart.ts';
import { type JobFile, jobFileSchema } from './schema.ts';
import { applyOverrides, type Override, pathOfOverride, resolveVariable } from './variables.ts';

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
  const file = join(resolve(path), JOB_FILE);
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
export async function loadJob(
  home: JobHome,
  overrides: readonly Override[] = [],
  { mostBytes }: { mostBytes?: number } = {},
): Promise<LoadedJob> {
  const { folder, file, source } =
    typeof home === 'string' ? await readDefinition(home, mostBytes) : parseDefinition(home);
  const given = overrides.map(fromFolder(folder, source));
  const value = checkYaml(jobFileSchema, source, {
    code: 'NF_JOB_INVALID',
    what: 'the job',
    value: applyOverrides(source.value, given),
    given: new Map(given.map((override) => [pathOfOverride(source.value, override), shown(override)])),
  });
  return { folder, file, source, value, definition: defineJob(value, file) };
}

/** An override as people know it. */
function shown({ name, value }: Override): string {
  return `on the command line: ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`;
}

/** A job with everything that decides what runs. */
export async function readJob(
  home: JobHome,
  overrides: readonly Override[] = [],
): Promise<{ loaded: LoadedJob; bundle: Bundle }> {
  const loaded = await loadJob(home, overrides);
  if (typeof home === 'string')
    return { loaded, bundle: await readBundle(loaded.folder, { apart: await modelApart(loaded) }) };
  const definition = { path: JOB_FILE, bytes: new TextEncoder().encode(home.yaml) };
  return { loaded, bundle: bundleOf([definition, ...home.files]) };
}

async function readDefinition(path: string, mostBytes: number | undefined) {
  const { folder, file } = await findJobFile(path);
  return { folder, file, source: await readYaml(file, 'NF_JOB_YAML', { mostBytes }) };
}

function parseDefinition({ folder, yaml }: BuiltJob) {
  const file = join(folder, JOB_FILE);
  return { folder, file, source: parseYaml(yaml, { path: file, code: 'NF_JOB_YAML' }) };
}

/** Paths given on the command line start at the current folder, those in the file at the job's. */
function fromFolder(folder: string, { value: job }: YamlSource): (override: Override) => Override {
  return ({ name, value }) => {
    const isPath = typeof value === 'string' && PATH_KEYS.has(resolveVariable(job, name));
    return { name, value: isPath ? pathInJob(value, folder) : value };
  };
}

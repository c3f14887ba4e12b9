import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { flError, type Place } from '../kernel/errors.ts';
import { didYouMean } from '../kernel/nearest.ts';
import { defineJob, type JobDefinition, PATH_KEYS, pathInJob } from './definition.ts';
import { type JobFile, jobFileSchema } from './schema.ts';
import { applyOverrides, type Override, resolveVariable } from './variables.ts';
import { readYaml, type YamlSource } from './yaml-source.ts';

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
  const source = await readYaml(file);
  const given = overrides.map(fromFolder(folder, source));
  const value = checkJobFile(applyOverrides(source.value, given), source);
  return { folder, file, source, value, definition: defineJob(value, file) };
}

/** Paths given on the command line start at the current folder, those in the file at the job's. */
function fromFolder(folder: string, { value: job }: YamlSource): (override: Override) => Override {
  return ({ name, value }) => {
    const isPath = typeof value === 'string' && PATH_KEYS.has(resolveVariable(job, name));
    return { name, value: isPath ? pathInJob(value, folder) : value };
  };
}

function checkJobFile(value: unknown, source: YamlSource) {
  const checked = jobFileSchema.safeParse(value);
  if (checked.success) return checked.data;
  const faults = checked.error.issues.flatMap((issue) => faultsOf(issue, source));
  const [first, ...rest] = faults;
  const message = [first, ...rest].map((fault) => fault?.message).join('; ');
  const excerpts = faults.map(({ place }) => place.excerpt).filter(Boolean);
  throw flError(
    'NF_JOB_INVALID',
    { faults: message },
    {
      place: { ...first?.place, ...(excerpts.length > 0 && { excerpt: [...new Set(excerpts)].join('\n') }) },
    },
  );
}

interface Fault {
  readonly message: string;
  readonly place: Place;
  /** Keys from the root of the definition. */
  readonly depth: number;
}

function faultsOf(issue: z.core.$ZodIssue, source: YamlSource): Fault[] {
  const keys = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      message: `unknown key '${[...keys, key].join('.')}'.${didYouMean(key, knownKeys(keys))}`.replace(
        /\.$/,
        '',
      ),
      place: source.place([...keys, key], { key: true }),
      depth: keys.length + 1,
    }));
  }
  if (issue.code === 'invalid_union') return unionFaults(issue, { keys, source });
  const what = keys.length > 0 ? `'${keys.join('.')}'` : 'the job';
  const missing =
    issue.code === 'invalid_type' && source.document.getIn(keys) === undefined && keys.length > 0;
  const reason = missing ? 'is missing' : issue.message.replace(/^Invalid (input|option): /, '');
  const place = source.place(keys, { key: missing });
  return [{ message: `${what} ${reason}`, place, depth: keys.length }];
}

/** Of a choice between forms, the faults of the form that came closest: those that lie deepest, of them the fewest. */
function unionFaults(
  issue: z.core.$ZodIssueInvalidUnion,
  { keys, source }: { keys: (string | number)[]; source: YamlSource },
): Fault[] {
  const branches = issue.errors.map((issues) =>
    issues.flatMap((inner) =>
      faultsOf({ ...inner, path: [...keys, ...inner.path] } as z.core.$ZodIssue, source),
    ),
  );
  const depthOf = (faults: readonly Fault[]) => Math.min(...faults.map(({ depth }) => depth));
  const closest = [...branches].sort((a, b) => depthOf(b) - depthOf(a) || a.length - b.length)[0];
  const message = `'${keys.join('.')}' ${issue.message}`;
  return closest ?? [{ message, place: source.place(keys), depth: keys.length }];
}

/** Keys the schema knows at a path, for the nearest match. */
function knownKeys(path: readonly (string | number)[]): string[] {
  let schema: unknown = jobFileSchema;
  for (const part of path) schema = shapeOf(schema)?.[part] ?? {};
  return Object.keys(shapeOf(schema) ?? {});
}

function shapeOf(schema: unknown): Record<string, unknown> | undefined {
  const node = schema as { shape?: Record<string, unknown>; def?: { innerType?: unknown } } | undefined;
  return node?.shape ?? (node?.def?.innerType ? shapeOf(node.def.innerType) : undefined);
}

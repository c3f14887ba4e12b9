import { parseDocument } from 'yaml';
import { flError } from '../base/errors/errors.ts';
import { circleIn } from '../base/files/yaml-source.ts';
import { SELECTION_KEYS } from '../base/selection/selection.ts';
import { didYouMean } from '../base/text/nearest.ts';
import type { JsonValue } from './definition.ts';
import { OPTION_PATHS, OTHER_NAMES } from './workflow-options.ts';

/** One value of a job that may be set from the command line. */
export interface Variable {
  /** Short name, unique in the job, e.g. `num_rounds`. */
  readonly name: string;
  /** Dotted path, e.g. `workflow.num_rounds`. */
  readonly path: string;
  readonly value: JsonValue;
}

/** A `--set` value: a variable's name or a dotted path, and what it becomes. */
export interface Override {
  readonly name: string;
  readonly value: JsonValue;
}

const MODEL_TYPE = 'model.type';
const WORKFLOW = 'workflow';
/** Keys that describe the file itself. */
const FIXED = new Set(['version']);
/** Short names that are not the last key of their path. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  'data.root': 'data',
  'data.split': 'split',
  [MODEL_TYPE]: 'model',
};
/** Arrays, and what the script's author says of it: `--set` is for the job's own values. */
const UNLISTED = new Set(['model.initial_params', 'executor.declared_args']);
const SELECTION_PATHS = SELECTION_KEYS.map((key) => `data.selection.${key}`);
/** Settable though a job may leave them out. */
const OPTIONAL_PATHS = [
  'data.root',
  'data.split',
  ...SELECTION_PATHS,
  'data.task',
  ...['derivative', 'suffix', 'desc', 'missing', 'labels'].map((key) => `data.masks.${key}`),
  'model.import',
  'seed',
  'executor.task_timeout',
  'task_result_filters',
  'secure_aggregation',
  'secure_aggregation.min_sites',
  'secure_aggregation.threshold',
  'secure_aggregation.consistency',
  ...OPTION_PATHS,
];

/** `num_rounds=20` from the command line; the value is read as YAML, so numbers, booleans and lists keep their type. */
export function parseOverride(text: string): Override {
  const at = text.indexOf('=');
  if (at < 1) throw flError('NF_JOB_SET', { text });
  return { name: text.slice(0, at).trim(), value: parseValue(text.slice(at + 1)) };
}

/** The scalar leaves of a job and the arguments it declares, with their short names; a name that several share is their path. */
export function listVariables(job: unknown): Variable[] {
  const written = leavesOf(job, []).filter(({ path }) => !FIXED.has(path));
  const leaves = [...written, ...unwrittenArgs(job, written)];
  const short = (path: string) => SHORT_NAMES[path] ?? path.slice(path.lastIndexOf('.') + 1);
  const counts = new Map<string, number>();
  for (const { path } of leaves) counts.set(short(path), (counts.get(short(path)) ?? 0) + 1);
  return leaves.map((leaf) => ({
    ...leaf,
    name: counts.get(short(leaf.path)) === 1 ? short(leaf.path) : leaf.path,
  }));
}

/** The dotted path that `name` stands for in this job. */
export function resolveVariable(job: unknown, name: string): string {
  const variables = listVariables(job);
  const known = variables.find((variable) => variable.name === name || variable.path === name)?.path;
  const optional = OPTIONAL_PATHS.find(
    (path) => path === name || (SHORT_NAMES[path] ?? path.split('.').at(-1)) === name,
  );
  const isNew = /^(executor\.args|sites|model|privacy)\./.test(name);
  const insideValue = variables.some((variable) => name.startsWith(`${variable.path}.`));
  const other = optional === undefined ? undefined : OTHER_NAMES[optional];
  const written = variables.find((variable) => variable.path === other)?.path;
  const path = known ?? written ?? optional ?? (isNew && !insideValue ? name : undefined);
  if (path !== undefined) return path;
  const names = [...variables.flatMap((variable) => [variable.name, variable.path]), ...OPTIONAL_PATHS];
  throw flError('NF_JOB_VARIABLE', { name, nearest: didYouMean(name, names) });
}

/** The dotted path that an override sets: a whole model or workflow is set in place of the one that is there, and not of its type. */
export function pathOfOverride(job: unknown, { name, value }: Override): string {
  const isWhole = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isWhole && name === WORKFLOW) return WORKFLOW;
  const path = resolveVariable(job, name);
  return path === MODEL_TYPE && isWhole ? 'model' : path;
}

/** A copy of the job with the overrides in place. */
export function applyOverrides(job: unknown, overrides: readonly Override[]): unknown {
  if (!job || typeof job !== 'object') return job;
  const copy: unknown = structuredClone(job);
  for (const override of overrides) setIn(copy, pathOfOverride(job, override).split('.'), override.value);
  return copy;
}

/** What is no YAML is a text. */
function parseValue(text: string): JsonValue {
  const document = parseDocument(text, { logLevel: 'error' });
  if (document.errors.length > 0) return text;
  if (circleIn(document)) throw flError('NF_JOB_SET', { text });
  try {
    return (document.toJS() ?? '') as JsonValue;
  } catch {
    return text;
  }
}

/** Arguments that have a value though the job gives none. */
function unwrittenArgs(job: unknown, written: readonly { path: string }[]) {
  const declared: unknown = (job as { executor?: { declared_args?: unknown } } | null)?.executor
    ?.declared_args;
  if (!declared || typeof declared !== 'object') return [];
  return Object.entries(declared as Record<string, { default?: JsonValue } | null>).flatMap(([name, arg]) => {
    const path = `executor.args.${name}`;
    const isWritten = written.some((leaf) => leaf.path === path);
    return isWritten || arg?.default === undefined ? [] : [{ path, value: arg.default }];
  });
}

function leavesOf(value: unknown, path: readonly string[]): { path: string; value: JsonValue }[] {
  if (value && typeof value === 'object' && !Array.isArray(value)) {
    if (UNLISTED.has(path.join('.'))) return [];
    return Object.entries(value).flatMap(([key, item]) => leavesOf(item, [...path, key]));
  }
  return value === undefined ? [] : [{ path: path.join('.'), value: value as JsonValue }];
}

function setIn(target: unknown, keys: readonly string[], value: JsonValue): void {
  let node = target as Record<string, unknown>;
  for (const key of keys.slice(0, -1)) {
    if (!Object.hasOwn(node, key) || !node[key] || typeof node[key] !== 'object') node[key] = {};
    node = node[key] as Record<string, unknown>;
  }
  const last = keys.at(-1);
  if (last !== undefined && last !== '__proto__') node[last] = value;
}

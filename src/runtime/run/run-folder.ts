import { join, normalize, sep } from 'node:path';

/** Names inside a run's folder; `at` makes them absolute, so that the log can hold relative ones. */
export interface RunFolder {
  readonly root: string;
  at(path: string): string;
}

export function runFolder(root: string): RunFolder {
  return { root, at: (path) => pathInside(root, path) };
}

/** A path below a folder. What leads out of it is never asked for by who calls this: whoever gave the name was not asked. */
export function pathInside(root: string, path: string): string {
  const inner = normalize(path);
  if (inner === '..' || inner.startsWith(`..${sep}`) || inner.includes('\0'))
    throw new Error(`'${path}' leads out of its folder.`);
  return join(root, inner);
}

/** Something that lies in a folder itself, by its name. */
export function entryOf(root: string, name: string): string {
  if (name === '' || name === '.' || name === '..' || /[/\\\0]/.test(name))
    throw new Error(`'${name}' is no name of one file.`);
  return join(root, name);
}

export const RUN_FILES = {
  card: 'run.json',
  events: 'events.jsonl',
  lock: 'run.lock',
  bundle: 'bundle',
  models: 'models',
  final: 'model.safetensors',
  best: 'best_model.safetensors',
  /** The global model of a run that did not come to its last round. */
  last: 'last_model.safetensors',
  metrics: 'metrics.json',
  roundMetrics: 'round_metrics.jsonl',
} as const;

/** The global model after a round; 0 is the initial one. */
export function modelPath(round: number): string {
  return `${RUN_FILES.models}/round-${String(round).padStart(4, '0')}.safetensors`;
}

/** What the server keeps beside that model, by its name. */
export function serverStatePath(name: string, round: number): string {
  return `${RUN_FILES.models}/round-${String(round).padStart(4, '0')}.${name}.safetensors`;
}

export function updatePath(site: string, round: number): string {
  return `sites/${site}/update-${String(round).padStart(4, '0')}.safetensors`;
}

export function statePath(site: string, round: number): string {
  return `sites/${site}/state-${String(round).padStart(4, '0')}.bin`;
}

export function siteLogPath(site: string): string {
  return `sites/${site}/log.txt`;
}

/** Current folder of a site's scripts, empty when the run begins. */
export function siteHomePath(site: string): string {
  return `sites/${site}/home`;
}

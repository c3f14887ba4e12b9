import { join, normalize, sep } from 'node:path';
import type { FileForm, FileRule, TaskParts } from '../algorithms/task.ts';

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
  /** Of a run whose sites are at workers: what its orders are signed with. */
  key: 'run.key',
  /** What those workers compute on. */
  queue: 'queue.json',
  /** While it runs: how far its tasks are. */
  live: 'live.json',
  bundle: 'bundle',
  models: 'models',
  final: 'model.safetensors',
  best: 'best_model.safetensors',
  /** The global model of a run that did not come to its last round. */
  last: 'last_model.safetensors',
  metrics: 'metrics.json',
  roundMetrics: 'round_metrics.jsonl',
  /** What takes scanners out of its pictures. */
  harmonisation: 'harmonisation.json',
  /** The last models by the sites that scored them. */
  crossSite: 'cross_site_evaluation.json',
  /** What the training pictures look like. */
  imageProfile: 'image_profile.json',
  /** What the data of the sites are like. */
  dataStatistics: 'data_statistics.json',
  /** What the sites told of the model that they judged on their own test images. */
  federatedEvaluation: 'federated_evaluation.json',
  /** What attacks on its model and on its noise come to. */
  privacyAudit: 'privacy_audit.json',
} as const;

/** The global model after a round; 0 is the initial one. @param about whose it is, where a round makes several */
export function modelPath(round: number, about?: string): string {
  return `${RUN_FILES.models}/round-${inFolder(round)}${about === undefined ? '' : `.of-${about}`}.safetensors`;
}

/** What the server keeps beside that model, by its name. */
export function serverStatePath(
  name: string,
  round: number,
  ending: 'safetensors' | 'json' = 'safetensors',
): string {
  return `${RUN_FILES.models}/round-${inFolder(round)}.${name}.${ending}`;
}

/** A file of the answer to a task, by its name there. */
export function answerPath(task: TaskParts, name: string, { form }: FileRule): string {
  const what = name === 'model' ? '' : `.${name}`;
  return `${siteFolder(task.site)}/${SENT}${inFolder(task.round)}${ofTask(task)}${what}.${ENDINGS[form]}`;
}

/** Whether it is the name of a file that a site sent in a round. */
export function isSentIn(name: string, round: number): boolean {
  return name.startsWith(`${SENT}${inFolder(round)}.`);
}

export function statePath(task: TaskParts): string {
  return `${siteFolder(task.site)}/state-${inFolder(task.round)}${ofTask(task)}.bin`;
}

/** The model of a site whose job has tensors that stay at each site. */
export function personalPath(site: string): string {
  return `${siteFolder(site)}/personal_model.safetensors`;
}

export function siteFolder(site: string): string {
  return `sites/${site}`;
}

const SENT = 'update-';
const ENDINGS: Readonly<Record<FileForm, string>> = {
  'like:model': 'safetensors',
  'subset:model': 'safetensors',
  opaque: 'bin',
};

function inFolder(round: number): string {
  return String(round).padStart(4, '0');
}

/** Training, which each round has, needs no word. */
function ofTask({ name, about }: TaskParts): string {
  return [...(name === 'train' ? [] : [name]), ...(about === undefined ? [] : [about])]
    .map((part) => `.${part}`)
    .join('');
}

export function siteLogPath(site: string): string {
  return `sites/${site}/log.txt`;
}

/** Current folder of a site's scripts, empty when the run begins. */
export function siteHomePath(site: string): string {
  return `sites/${site}/home`;
}

import { join, resolve, sep } from 'node:path';
import { flError } from '../base/errors/errors.ts';
import { type Bundle, readBundle, requirePlainPaths } from '../job/bundle.ts';
import { requireReadable } from '../job/file-type.ts';
import { type FileRules, JOB_PATHS, type JobPathKey, type SubmittedPath } from '../job/job-paths.ts';
import { JOB_LIMITS } from '../job/limits.ts';
import { type LoadedJob, loadJob } from '../job/load.ts';
import { modelApart } from '../job/model-apart.ts';
import { checkScript } from '../job/script.ts';
import { requireSecureOver } from '../job/secure-rounds.ts';
import { checkModelSpec, inJob } from './prepare-job.ts';

export interface SubmissionRules {
  /** The model of round 0 is uploaded beside the job, in place of the file that it names. */
  readonly modelComesApart: boolean;
  /** Bytes of the largest model that is taken. */
  readonly mostModelBytes: number;
}

/**
 * A job in a folder of its own, far from where it was written: everything that can be checked of it without data. It names no file
 * outside its bundle.
 * @throws NF_JOB_* with the line
 */
export async function loadSubmittedJob(
  folder: string,
  { modelComesApart, mostModelBytes }: SubmissionRules,
): Promise<{ job: LoadedJob; bundle: Bundle }> {
  const job = await loadJob(folder, [], { mostBytes: JOB_LIMITS.definition.most });
  const bundle = await readBundle(folder, { apart: modelComesApart ? await modelApart(job) : undefined });
  requirePlainPaths(bundle.files.map(({ path }) => path));
  requireReadable(bundle, (path) => join(folder, path));
  inJob(job.source, () => requireSecureOver(job.definition));
  checkScript(job, bundle);
  checkPaths(job, bundle, modelComesApart);
  checkModelSpec(job, filesOf(folder, mostModelBytes));
  requireSecretNoise(job);
  return { job, bundle };
}

/** What of a submitted job may be read: the files of its bundle. */
export function filesOf(bundleFolder: string, mostModelBytes: number): FileRules {
  return { within: bundleFolder, mostBytes: mostModelBytes };
}

/** @throws NF_PRIVACY_SEEDED of a job whose noise can be worked out again: it is for simulations */
function requireSecretNoise({ definition, source }: LoadedJob): void {
  const { privacy } = definition;
  if (privacy?.insecureNoiseSeed !== undefined)
    throw flError(
      'NF_PRIVACY_SEEDED',
      { job: definition.name },
      { place: source.place(['privacy', 'insecure_noise_seed']) },
    );
}

const WHAT: Readonly<Partial<Record<JobPathKey, string>>> = {
  'model.import': 'The model to begin with',
  'model.initial_params': 'The initial model',
};

/** Every path of the job is a file of its bundle, unless something else takes its place. */
function checkPaths(job: LoadedJob, bundle: Bundle, modelComesApart: boolean): void {
  const files = new Set(bundle.files.map(({ path }) => path));
  for (const [key, rule] of Object.entries(JOB_PATHS) as [JobPathKey, SubmittedPath][]) {
    const keys = key.split('.');
    const path = valueAt(job.value, keys);
    if (typeof path !== 'string' || rule === 'site') continue;
    if (rule === 'bundle or upload' && modelComesApart) continue;
    const place = job.source.place(keys);
    const what = WHAT[key] ?? key;
    const inside = placeInFolder(job.folder, path);
    if (inside === undefined)
      throw flError('NF_JOB_PATH', { what, path, reason: "it lies outside the job's folder" }, { place });
    const isModelFolder = key === 'model.import' && files.has(`${inside}/model.json`);
    if (!files.has(inside) && !isModelFolder) throw flError('NF_JOB_DATA', { what, path }, { place });
  }
}

/** With forward slashes, as a bundle names its files. */
function placeInFolder(folder: string, path: string): string | undefined {
  const root = resolve(folder) + sep;
  const target = resolve(folder, path);
  return target.startsWith(root) ? target.slice(root.length).split(sep).join('/') : undefined;
}

function valueAt(value: unknown, keys: readonly string[]): unknown {
  return keys.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], value);
}

import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prettyJson } from '../kernel/digest.ts';
import { atPlace, flError, NeuroflareError } from '../kernel/errors.ts';
import { didYouMean } from '../kernel/nearest.ts';
import { putFile, writeFileAtomic } from '../workspace/files.ts';
import { readYaml } from '../workspace/yaml-source.ts';
import { readBundle } from './bundle.ts';
import { PATH_KEYS, pathInJob } from './definition.ts';
import { type LoadedJob, loadJob } from './load.ts';
import { jobJsonSchema } from './schema.ts';
import { type Override, resolveVariable } from './variables.ts';

const PACKAGE_ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TEMPLATES = join(PACKAGE_ROOT, 'templates');

export interface Template {
  readonly name: string;
  readonly description: string;
}

/** The templates that come with neuroflare, by name. */
export async function listTemplates(): Promise<Template[]> {
  const entries = await readdir(TEMPLATES, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isDirectory() && existsSync(join(TEMPLATES, entry.name, 'job.yaml')))
    .map(({ name }) => name);
  return Promise.all(
    names.sort().map(async (name) => {
      const { document } = await readYaml(join(TEMPLATES, name, 'job.yaml'), 'NF_JOB_YAML');
      return { name, description: String(document.get('description') ?? '') };
    }),
  );
}

/**
 * Makes a job folder from a template: its files, the overrides written into job.yaml, and what editors need
 * (`.neuroflare/job.schema.json`, `tsconfig.json`). The folder appears whole or not at all.
 */
export async function createJob(
  folder: string,
  { template, overrides }: { template: string; overrides: readonly Override[] },
): Promise<LoadedJob> {
  const names = (await listTemplates()).map(({ name }) => name);
  if (!names.includes(template)) {
    throw flError('NF_TEMPLATE_UNKNOWN', { name: template, nearest: didYouMean(template, names) });
  }
  const target = resolve(folder);
  if (await stat(target).catch(() => undefined))
    throw flError('NF_JOB_EXISTS', { path: folder }, { place: { file: folder } });
  await mkdir(dirname(target), { recursive: true });
  const draft = join(dirname(target), `.${basename(target)}-${process.pid}`);
  await mkdir(draft);
  try {
    await cp(join(TEMPLATES, template), draft, { recursive: true });
    await writeOverrides(join(draft, 'job.yaml'), { overrides, target });
    await writeEditorFiles(draft);
    await loadJob(draft);
    await chmod(draft, 0o777 & ~process.umask());
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw placedInTarget(error, draft, folder);
  }
  return loadJob(target);
}

/** The draft is gone when its fault is read: the file is named as it would have been. */
function placedInTarget(thrown: unknown, draft: string, folder: string): unknown {
  if (!(thrown instanceof NeuroflareError) || !thrown.place?.file?.startsWith(draft)) return thrown;
  const file = join(folder, relative(draft, thrown.place.file));
  return atPlace(thrown, { ...thrown.place, file });
}

/** Keeps the template's comments: values are set in the YAML document, not in a copy of its data. */
async function writeOverrides(
  file: string,
  { overrides, target }: { overrides: readonly Override[]; target: string },
) {
  const { document } = await readYaml(file, 'NF_JOB_YAML');
  document.set('name', basename(target));
  for (const { name, value } of overrides) {
    const path = resolveVariable(document.toJS(), name);
    const isPath = PATH_KEYS.has(path) && typeof value === 'string';
    document.setIn(path.split('.'), isPath ? pathInJob(value, target) : value);
  }
  await writeFileAtomic(file, document.toString({ lineWidth: 0 }));
}

/** Types of the Client API and of TensorFlow.js, wherever they are installed; console and timers come from lib dom. */
async function writeEditorFiles(folder: string): Promise<void> {
  const tfjs = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs/package.json'));
  const tsconfig = {
    compilerOptions: {
      target: 'es2024',
      lib: ['es2024', 'dom'],
      types: [],
      module: 'esnext',
      moduleResolution: 'bundler',
      moduleDetection: 'force',
      strict: true,
      noEmit: true,
      erasableSyntaxOnly: true,
      allowImportingTsExtensions: true,
      skipLibCheck: true,
      paths: { 'neuroflare/*': [join(PACKAGE_ROOT, 'dist/api/*.d.ts')], '@tensorflow/tfjs': [tfjs] },
    },
  };
  await putFile(join(folder, 'tsconfig.json'), prettyJson(tsconfig));
  await writeFileAtomic(join(folder, '.neuroflare/job.schema.json'), prettyJson(jobJsonSchema()));
}

/** Names of the templates by the digest of their code: a job made of one has it as long as its scripts are unchanged. */
export async function templatesByCode(): Promise<ReadonlyMap<string, string>> {
  const templates = await listTemplates();
  const bundles = await Promise.all(templates.map(({ name }) => readBundle(join(TEMPLATES, name))));
  return new Map(bundles.map(({ codeSha256 }, index) => [codeSha256, templates[index]?.name ?? '']));
}

import { existsSync } from 'node:fs';
import { cp, readdir } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Document } from 'yaml';
import { z } from 'zod';
import { flError } from '../base/errors/errors.ts';
import { writeFileAtomic } from '../base/files/files.ts';
import { readYaml } from '../base/files/yaml-source.ts';
import { didYouMean } from '../base/text/nearest.ts';
import { JOB_FILE, readBundle } from './bundle.ts';
import { PATH_KEYS, pathInJob } from './definition.ts';
import type { LoadedJob } from './load.ts';
import { makeJobFolder } from './new-folder.ts';
import { listVariables, type Override, pathOfOverride, type Variable } from './variables.ts';

const TEMPLATES = fileURLToPath(new URL('../../../templates', import.meta.url));

export interface Template {
  readonly name: string;
  readonly description: string;
}

/** The templates that come with neuroflare, by name. */
export async function listTemplates(): Promise<Template[]> {
  const entries = await readdir(TEMPLATES, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isDirectory() && existsSync(join(TEMPLATES, entry.name, JOB_FILE)))
    .map(({ name }) => name);
  return Promise.all(
    names.sort().map(async (name) => {
      const { document } = await readYaml(join(TEMPLATES, name, JOB_FILE), 'NF_JOB_YAML');
      return { name, description: String(document.get('description') ?? '') };
    }),
  );
}

export interface TemplateDetails extends Template {
  readonly workflow: string;
  readonly framework: string;
  readonly files: readonly string[];
  /** What `--set` changes. */
  readonly variables: readonly Variable[];
}

/** @throws NF_TEMPLATE_UNKNOWN */
export async function describeTemplate(name: string): Promise<TemplateDetails> {
  const { description } = await templateOf(name);
  const folder = join(TEMPLATES, name);
  const { value } = await readYaml(join(folder, JOB_FILE), 'NF_JOB_YAML');
  const { workflow, executor, model } = parts.parse(value);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/'));
  return {
    name,
    description,
    workflow: workflow.type,
    framework: executor.framework ?? (model?.type === undefined ? 'numpy' : 'tfjs'),
    files: files.sort(),
    variables: listVariables(value),
  };
}

const parts = z.looseObject({
  workflow: z.looseObject({ type: z.string() }),
  executor: z.looseObject({ framework: z.string().optional() }),
  model: z.looseObject({ type: z.string().optional() }).optional(),
});

async function templateOf(name: string): Promise<Template> {
  const all = await listTemplates();
  const found = all.find((template) => template.name === name);
  if (found) return found;
  const nearest = didYouMean(
    name,
    all.map((template) => template.name),
  );
  throw flError('NF_TEMPLATE_UNKNOWN', { name, nearest });
}

/** Makes a job folder from a template: its files, and the overrides written into job.yaml. */
export async function createJob(
  folder: string,
  { template, overrides }: { template: string; overrides: readonly Override[] },
): Promise<LoadedJob> {
  await templateOf(template);
  return makeJobFolder(folder, async (draft) => {
    await cp(join(TEMPLATES, template), draft, { recursive: true });
    await writeOverrides(join(draft, JOB_FILE), { overrides, target: resolve(folder) });
  });
}

/** Keeps the template's comments: values are set in the YAML document, not in a copy of its data. */
async function writeOverrides(
  file: string,
  { overrides, target }: { overrides: readonly Override[]; target: string },
) {
  const { document } = await readYaml(file, 'NF_JOB_YAML');
  document.set('name', basename(target));
  // Those of a template are meant from where the command is typed, as those of --set.
  for (const path of PATH_KEYS) {
    const value = document.getIn(path.split('.'));
    if (path.startsWith('data.') && typeof value === 'string')
      document.setIn(path.split('.'), pathInJob(value, target));
  }
  for (const override of overrides) {
    const { value } = override;
    const path = pathOfOverride(document.toJS(), override);
    const isPath = PATH_KEYS.has(path) && typeof value === 'string';
    document.setIn(path.split('.'), isPath ? pathInJob(value, target) : nodeOf(document, value));
  }
  await writeFileAtomic(file, document.toString({ lineWidth: 0 }));
}

/** What is an object may have keys set in it afterwards; other values keep the comments of those that they replace. */
function nodeOf(document: Document, value: Override['value']) {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? document.createNode(value) : value;
}

/** Names of the templates by the digest of their code: a job made of one has it as long as its scripts are unchanged. */
export async function templatesByCode(): Promise<ReadonlyMap<string, string>> {
  const templates = await listTemplates();
  const bundles = await Promise.all(templates.map(({ name }) => readBundle(join(TEMPLATES, name))));
  return new Map(bundles.map(({ codeSha256 }, index) => [codeSha256, templates[index]?.name ?? '']));
}

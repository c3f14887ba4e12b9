import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { flError, type Place } from '../../kernel/errors.ts';
import { MODULE_EXTENSION } from '../../kernel/module-file.ts';
import { sourceExcerpt } from '../../kernel/source-excerpt.ts';

/** Where a job's code lies: the copy that runs, and the folder it came from, beside which its packages are. */
export interface CodePlace {
  readonly bundle: string;
  readonly source: string;
}

const OWN = new Map(
  ['client', 'mri', 'engine'].map((name) => [`neuroflare/${name}`, ownUrl(`../../../api/${name}`)]),
);
const TFJS = '@tensorflow/tfjs';
const TFJS_UNION = ownUrl('../../engine/tfjs-union');
const TFJS_PARTS = new Set(['core', 'layers', 'backend-cpu'].map((part) => `${TFJS}-${part}`));
/** TensorFlow's packages for Node.js bring the package `@tensorflow/tfjs` and need it whole. */
const NEEDS_WHOLE_TFJS = /\/@tensorflow\/tfjs-node(-gpu)?\//;
const TYPESCRIPT = /\.m?ts$/;
/** Carried from a script to the files it imports, so that a task sees none of an earlier task's module state. */
const TASK_QUERY = 'task';

let place: { bundle: string; source: string } | undefined;

/**
 * Makes imports of job scripts resolve in this thread: `neuroflare/*` and TensorFlow.js to neuroflare's own copies, also those
 * of packages (a second copy would have its own engine and variables), relative ones inside the bundle, packages beside the job.
 */
export function installResolveHooks(code: CodePlace): void {
  const first = place === undefined;
  place = { bundle: folderUrl(code.bundle), source: folderUrl(code.source) };
  if (first) registerHooks({ resolve: resolveImport });
}

/** The URL to import a script by, new for each task. */
export function scriptUrl(path: string, task: string): string {
  const url = pathToFileURL(path);
  url.searchParams.set(TASK_QUERY, task);
  return url.href;
}

type Resolve = Parameters<typeof registerHooks>[0]['resolve'];

const resolveImport: NonNullable<Resolve> = (specifier, context, next) => {
  const own = OWN.get(specifier);
  if (own !== undefined) return { url: own, shortCircuit: true };
  const parent = context.parentURL;
  if (specifier === TFJS && parent !== undefined && !NEEDS_WHOLE_TFJS.test(parent))
    return { url: TFJS_UNION, shortCircuit: true };
  if (TFJS_PARTS.has(specifier)) return next(specifier, { ...context, parentURL: import.meta.url });
  if (!place || parent === undefined || !parent.startsWith(place.bundle)) {
    return specifier.startsWith(place?.bundle ?? '\0')
      ? inBundle(new URL(specifier))
      : next(specifier, context);
  }
  if (/^\.{0,2}\//.test(specifier) || specifier.startsWith('file:'))
    return relativeImport(specifier, parent, place);
  try {
    return next(specifier, { ...context, parentURL: `${place.source}job.yaml` });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw notLoaded(`there is no package '${specifier}' beside the job`, { specifier, parent, place });
  }
};

function relativeImport(specifier: string, parent: string, places: CodePlace) {
  const url = new URL(specifier, parent);
  const where = { specifier, parent, place: places };
  if (!url.href.startsWith(places.bundle)) {
    throw notLoaded(`'${specifier}' lies outside the job folder`, where);
  }
  if (!existsSync(url)) throw notLoaded(`'${specifier}' does not exist`, where);
  const task = new URL(parent).searchParams.get(TASK_QUERY);
  if (task !== null) url.searchParams.set(TASK_QUERY, task);
  return inBundle(url);
}

interface Import {
  readonly specifier: string;
  /** URL of the importing file. */
  readonly parent: string;
  readonly place: CodePlace;
}

function notLoaded(message: string, where: Import) {
  return flError('NF_SCRIPT_LOAD', { message }, { place: importPlace(where) });
}

/** The import in the user's own file; Node names neither file nor line of an import that fails. */
function importPlace({ specifier, parent, place: { bundle, source } }: Import): Place {
  const file = new URL(parent.replace(bundle, source));
  file.search = '';
  const text = readFileSync(new URL(parent), 'utf8');
  const line = text.split('\n').findIndex((row) => row.includes(specifier)) + 1;
  return { file: fileURLToPath(file), ...(line > 0 && { line, excerpt: sourceExcerpt(text, { line }) }) };
}

/** The format is stated, so that a job needs no package.json to say that its files are modules. */
function inBundle(url: URL) {
  const format = TYPESCRIPT.test(url.pathname)
    ? 'module-typescript'
    : /\.m?js$/.test(url.pathname)
      ? 'module'
      : undefined;
  return { url: url.href, shortCircuit: true, ...(format && { format }) };
}

function ownUrl(path: string): string {
  return new URL(`${path}${MODULE_EXTENSION}`, import.meta.url).href;
}

function folderUrl(path: string): string {
  return `${pathToFileURL(path).href}/`;
}

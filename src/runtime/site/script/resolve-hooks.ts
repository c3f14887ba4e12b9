import { readFileSync } from 'node:fs';
import { createRequire, isBuiltin, registerHooks } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { flError, type Place } from '../../base/errors/errors.ts';
import { sourceExcerpt } from '../../base/errors/source-excerpt.ts';
import { isThere } from '../../base/files/is-there.ts';
import { MODULE_EXTENSION } from '../../base/files/module-file.ts';
import { loadTypeScript } from './load-typescript.ts';
import { requireOthers, requireReadable } from './own-code.ts';
import { loadOwn, watchBuiltin } from './traces.ts';

/** Where a job's code lies: the copy that runs, and the folder it came from, beside which its packages are. */
export interface CodePlace {
  readonly bundle: string;
  readonly source: string;
}

/** Looked up by the language itself: a script may put functions of its own in the places of a map's. */
const OWN: Readonly<Record<string, string>> = Object.assign(
  Object.create(null) as object,
  Object.fromEntries(
    ['client', 'mri', 'engine'].map((name) => [`neuroflare/${name}`, ownUrl(`../../../api/${name}`)]),
  ),
);
const TFJS = '@tensorflow/tfjs';
const TFJS_UNION = ownUrl('../../learning/engine/tfjs-union');
const TFJS_PARTS: object = Object.assign(
  Object.create(null) as object,
  Object.fromEntries(['core', 'layers', 'backend-cpu'].map((part) => [`${TFJS}-${part}`, true])),
);
/** TensorFlow's packages for Node.js bring the package `@tensorflow/tfjs` and need it whole. */
const NEEDS_WHOLE_TFJS = /\/@tensorflow\/tfjs-node(-gpu)?\//;
const TYPESCRIPT = /\.m?ts$/;
/** Carried from a script to all that it imports, so that a task sees none of an earlier task's module state. */
const TASK_QUERY = 'task';
/** Modules whose text is their URL: they belong to the task that imports them, whoever names them. */
const IN_URL = /^(data|blob):/;
/** Parts of Node.js that leave nothing outside the task: no file, no folder, no other thread, no connection. */
const WITHOUT_REACH = new Set(
  (
    'assert assert/strict buffer crypto events path path/posix path/win32 perf_hooks querystring stream ' +
    'stream/consumers stream/promises stream/web string_decoder timers timers/promises url util util/types zlib'
  ).split(' '),
);
/** Classes that Node.js loads when they are first named, which takes longer than many a task: only then can they be watched. */
const OF_FETCH = [
  ...['FormData', 'Headers', 'Request', 'Response', 'MessageEvent', 'CloseEvent', 'WebSocket', 'EventSource'],
];
/** Of CommonJS, which keeps its modules by file name. */
const loaded = createRequire(import.meta.url).cache;
/** As it is before anything is taken from scripts. */
const install = registerHooks;

let place: { bundle: string; source: string } | undefined;
let beyondThread: string | undefined;
let taskNow = '';
/** CommonJS files of packages that the task at hand has loaded. */
let commonJs = new Set<string>();

/**
 * Makes imports of job scripts resolve in this thread: `neuroflare/*` and TensorFlow.js to neuroflare's own copies, also those
 * of packages (a second copy would have its own engine and variables), relative ones inside the bundle, packages beside the job.
 */
export function installResolveHooks(code: CodePlace): void {
  const first = place === undefined;
  place = { bundle: folderUrl(code.bundle), source: folderUrl(code.source) };
  if (!first) return;
  install({ resolve: resolveImport, load: loadTypeScript });
  if (!isMainThread) closeWaysOut();
}

/** What reaches other threads without an import. */
function closeWaysOut(): void {
  const { getBuiltinModule } = process;
  process.getBuiltinModule = ((name: string) => {
    if (isBuiltin(name) && !WITHOUT_REACH.has(name.replace(/^node:/, ''))) askForProcess(name);
    return getBuiltinModule(name);
  }) as typeof getBuiltinModule;
  askingFor(globalThis, ['BroadcastChannel', ...OF_FETCH]);
  askingFor(Object.getPrototypeOf(navigator) as object, ['locks']);
  Object.defineProperty(globalThis, 'fetch', { value: () => askForProcess('fetch') });
}

function askingFor(holder: object, names: readonly string[]): void {
  for (const name of names) {
    // To put something in its place would load it first.
    if (!(name in holder) || !Reflect.deleteProperty(holder, name)) continue;
    Object.defineProperty(holder, name, { configurable: true, get: () => askForProcess(name) });
  }
}

/** The URL to import a script by, new for each task. */
export function scriptUrl(path: string, task: string): string {
  taskNow = task;
  const url = pathToFileURL(path);
  url.searchParams.set(TASK_QUERY, task);
  return url.href;
}

/**
 * What a script has asked for that a thread cannot keep to one site, e.g. `node:fs`: the current folder and the files
 * in it belong to the whole process.
 */
export function needOfProcess(): string | undefined {
  return beyondThread;
}

/** In a thread: notes that the script needs a process of its own, and stops it. */
export function askForProcess(what: string): void {
  if (isMainThread) return;
  beyondThread ??= what;
  throw new Error(`${what} needs a process of its own.`);
}

/** Lets go of the packages that the task has loaded. Returns those that stay in spite of it. */
export function releasePackages(): string[] {
  const native = Object.keys(loaded).filter((path) => path.endsWith('.node') && commonJs.has(path));
  for (const path of commonJs) delete loaded[path];
  commonJs = new Set();
  return native.map((path) => `the native library ${path}`);
}

type Resolve = NonNullable<Parameters<typeof registerHooks>[0]['resolve']>;
type Context = Parameters<Resolve>[1];
type Next = Parameters<Resolve>[2];
type Resolved = ReturnType<Resolve>;

const resolveImport: Resolve = (specifier, context, next) => {
  const parent = context.parentURL;
  const isOfJob = parent !== undefined && (parent.startsWith(place?.bundle ?? '\0') || isOfTask(parent));
  const own = ownModule(specifier, context, next);
  if (own && isOfJob) loadOwn(specifier, own.url);
  if (own) return own;
  requireReadable(specifier, parent);
  const found = resolveOther(specifier, { ...context, isOfJob }, next);
  requireOthers(found.url, context);
  return found;
};

function resolveOther(
  specifier: string,
  { isOfJob, ...context }: Context & { isOfJob: boolean },
  next: Next,
): Resolved {
  const parent = context.parentURL;
  if (IN_URL.test(specifier)) return inUrl(next(specifier, context));
  const isFromUrl = parent !== undefined && IN_URL.test(parent) && specifier.startsWith('file:');
  if (place && parent !== undefined && (isFromUrl || parent.startsWith(place.bundle)))
    return importOfScript({ specifier, parent, place }, context, next);
  if (isOfJob) return ofTask(next(specifier, context), context);
  return specifier.startsWith(place?.bundle ?? '\0')
    ? inBundle(new URL(specifier))
    : next(specifier, context);
}

/** What stands behind `#` is no part of its text. */
function inUrl(found: Resolved): Resolved {
  const url = new URL(found.url);
  url.hash = `${TASK_QUERY}=${taskNow}`;
  return { ...found, url: url.href };
}

function ownModule(specifier: string, context: Context, next: Next): Resolved | undefined {
  const own = OWN[specifier];
  if (own !== undefined) return { url: own, shortCircuit: true };
  const { parentURL } = context;
  if (specifier === TFJS && parentURL !== undefined && !NEEDS_WHOLE_TFJS.test(parentURL))
    return { url: TFJS_UNION, shortCircuit: true };
  if (specifier in TFJS_PARTS) return next(specifier, { ...context, parentURL: import.meta.url });
  return undefined;
}

function importOfScript(where: Import, context: Context, next: Next): Resolved {
  const { specifier, parent, place: places } = where;
  if (/^\.{0,2}\//.test(specifier) || specifier.startsWith('file:'))
    return relativeImport(specifier, parent, places);
  const beside = { ...context, parentURL: `${places.source}job.yaml?${TASK_QUERY}=${taskOf(parent)}` };
  try {
    return ofTask(next(specifier, beside), beside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw notLoaded(`there is no package '${specifier}' beside the job`, where);
  }
}

/** A part of Node.js, or a file of a package beside the job, which every task loads anew. */
function ofTask(found: Resolved, { parentURL, conditions }: Context): Resolved {
  if (isBuiltin(found.url)) {
    const name = found.url.replace(/^node:/, '');
    if (!WITHOUT_REACH.has(name)) askForProcess(`node:${name}`);
    watchBuiltin(name);
    return found;
  }
  if (!found.url.startsWith('file:')) return found;
  const url = new URL(found.url);
  commonJs.add(fileURLToPath(url));
  const task = taskOf(parentURL ?? '');
  // `require` knows files by their paths alone.
  if (task === null || conditions?.includes('require')) return found;
  url.searchParams.set(TASK_QUERY, task);
  return { ...found, url: url.href };
}

function isOfTask(url: string): boolean {
  if (IN_URL.test(url)) return true;
  return url.startsWith('file:') && (taskOf(url) !== null || commonJs.has(fileURLToPath(url)));
}

function taskOf(url: string): string | null {
  if (IN_URL.test(url)) return taskNow;
  return URL.parse(url)?.searchParams.get(TASK_QUERY) ?? null;
}

function relativeImport(specifier: string, parent: string, places: CodePlace) {
  const url = new URL(specifier, parent);
  const where = { specifier, parent, place: places };
  if (!url.href.startsWith(places.bundle)) {
    throw notLoaded(`'${specifier}' lies outside the job folder`, where);
  }
  if (!isThere(url)) throw notLoaded(`'${specifier}' does not exist`, where);
  const task = taskOf(parent);
  if (task === null) commonJs.add(fileURLToPath(url));
  else url.searchParams.set(TASK_QUERY, task);
  return inBundle(url);
}

interface Import {
  readonly specifier: string;
  /** URL of the importing file. */
  readonly parent: string;
  readonly place: CodePlace;
}

function notLoaded(message: string, where: Import) {
  const options = IN_URL.test(where.parent) ? {} : { place: importPlace(where) };
  return flError('NF_SCRIPT_LOAD', { message }, options);
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

import { createRequire, isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import { requireOwn } from '../../base/threads/require-own.ts';
import { BuiltinSettings } from './builtin-settings.ts';
import { closeBuiltins } from './closed-builtins.ts';
import { freezeSegments, hiddenPrototypes } from './hidden-prototypes.ts';
import { beginTask, endTask, noteWhatRuns } from './left-running.ts';
import { SharedBuiltins } from './shared-builtins.ts';
import { type Look, SharedObjects } from './shared-objects.ts';
import { watchTensorFlow } from './tensorflow-state.ts';

/** Change with every listener, neuroflare's own as well; listeners are compared by themselves. */
const OF_EMITTERS = ['_events', '_eventsCount'];
/** Node.js puts them there when its HTTP client is first looked at. */
const OF_HTTP = [1, 2].map((version) => Symbol.for(`undici.globalDispatcher.${version}`));
/** Modules of CommonJS, which every task loads anew. */
const OF_MODULES = ['_cache', '_pathCache', '_extensions', 'globalPaths'];
/** Of parts of Node.js. The getter `fips` prints that it is out of date; what it gives is asked for by a function. */
const NOT_LOOKED_AT: Readonly<Record<string, readonly string[]>> = { module: OF_MODULES, crypto: ['fips'] };
const load = createRequire(import.meta.url);
const { getBuiltinModule } = process;
const loadedOwn = new Set<string>();
let watched: { readonly shared: SharedObjects; readonly builtins: SharedBuiltins } | undefined;
let resources: ReadonlyMap<string, number> = new Map();
let state: readonly unknown[] = [];
let counters: readonly Map<unknown, unknown>[] = [];
/** Something was found before neuroflare's own work in the middle of a task, which changes shared objects, too. */
let hasEarlier = false;
let earlier: readonly string[] = [];
const settings = new BuiltinSettings();

/**
 * A thread or process runs the scripts of many tasks, and nothing but `flare.saveState` may pass from one to another. Call
 * before a task. What is there before the first one is neuroflare's own; a thread that differs from it is not used again.
 */
export function expectNoTraces(): void {
  watched ??= watchAll();
  hasEarlier = false;
  earlier = [];
  resources = countResources();
  state = stateNow();
  settings.renew();
  beginTask();
}

function watchAll() {
  noteWhatRuns();
  freezeSegments();
  closeBuiltins();
  counters = Object.values(Object.getOwnPropertyDescriptors(console))
    .map(({ value }) => value as unknown)
    .filter((value) => types.isMap(value));
  forget();
  const shared = new SharedObjects();
  const builtins = new SharedBuiltins(shared);
  const look = (...except: PropertyKey[]): Look => ({ except });
  // Which parts of Node.js are loaded already is not for scripts to see.
  const { moduleLoadList } = process as { moduleLoadList?: readonly string[] };
  Object.defineProperty(process, 'moduleLoadList', { value: Object.freeze([...(moduleLoadList ?? [])]) });
  for (const name of ['versions', 'release', 'features'] as const) Object.freeze(process[name]);
  // Looking puts it there.
  void process.allowedNodeEnvironmentFlags;
  // Its getters are about the last match.
  shared.watch('RegExp', RegExp, { withoutStates: true });
  builtins.walk('globalThis', globalThis, look(...OF_HTTP));
  builtins.walk('process', process, look(...OF_EMITTERS));
  shared.watch('process.env', process.env);
  builtins.walk('console', console);
  for (const prototype of hiddenPrototypes()) builtins.walk('a built-in prototype', prototype);
  for (const [name, made] of Object.entries(singletons())) builtins.walk(name, made);
  for (const stream of [process.stdout, process.stderr, ...(isMainThread ? [] : [process.stdin])])
    shared.watch('a stream of process', stream, { ...look(...OF_EMITTERS), keysOnly: true });
  return { shared, builtins };
}

/** Objects that only a getter leads to. */
function singletons(): Record<string, object> {
  const { subtle } = crypto;
  const { nodeTiming } = performance;
  const { report } = process;
  return {
    crypto,
    'crypto.subtle': subtle,
    performance,
    'performance.nodeTiming': nodeTiming,
    navigator,
    ...(report && { 'process.report': report }),
  };
}

/**
 * Loads a module of neuroflare's own, so that what it changes in shared objects is not taken for the script's. Where the script has changed
 * some before, it could have its own functions run meanwhile, and what runs it is not used again: there it is imported like any other.
 */
export function loadOwn(name: string, url: string): void {
  if (!watched || loadedOwn.has(url)) return;
  if (!watched.shared.areUnchanged()) {
    hasEarlier = true;
    earlier = namesOf(watched.shared);
    return;
  }
  loadedOwn.add(url);
  const exports = ours(() => requireOwn(() => load(fileURLToPath(url)) as object));
  watched.builtins.walkOwn(name, exports);
  if (name.startsWith('@tensorflow/')) watchTensorFlow(watched.shared);
}

/** Watches the exports of a part of Node.js that a script imports. */
export function watchBuiltin(name: string): void {
  if (!watched) return;
  const look = { except: NOT_LOOKED_AT[name] ?? [] };
  settings.add(name);
  for (const part of [name, `${name}/promises`].filter((part) => isBuiltin(part)))
    watched.builtins.walk(part, getBuiltinModule(part), look);
}

/** Does work of neuroflare's own in the middle of a task. */
export function ours<Result>(work: () => Result): Result {
  if (watched?.shared.areUnchanged() === false) {
    hasEarlier = true;
    earlier = namesOf(watched.shared);
  }
  const done = () => watched?.shared.renew();
  const result = work();
  if (result instanceof Promise) return result.finally(done) as Result;
  done();
  return result;
}

/** What the task that has just ended left in its thread; empty where the next one finds nothing of it. */
export function tracesLeft(): readonly string[] {
  if (!watched) return [];
  const { shared } = watched;
  // First, since all that follows uses what a script may have exchanged.
  if (hasEarlier || !shared.areUnchanged()) return namesOf(shared);
  forget();
  const found = [...endTask(), ...activeSince(resources)];
  const now = stateNow();
  const isAsBefore = now.length === state.length && now.every((part, at) => Object.is(part, state[at]));
  if (isAsBefore && settings.areUnchanged()) return found;
  return [...found, 'a listener or a setting of the process'];
}

/** In words for the user, as far as what has changed still lets them be found; never none. */
function namesOf(shared: SharedObjects): readonly string[] {
  try {
    const names = [...new Set(earlier.concat(shared.differences()))];
    if (names.length > 0) return names;
  } catch {
    // An exchanged part of the language that throws.
  }
  return ['a part of the language'];
}

/** What the language and Node.js keep of what was done, and nobody needs after a task. */
function forget(): void {
  performance.clearMarks();
  performance.clearMeasures();
  performance.clearResourceTimings();
  // Of the last match the class RegExp keeps the text and its groups.
  /()()()()()()()()()/.exec('');
  // Counters and clocks of the console.
  for (const counts of counters) Map.prototype.clear.call(counts);
}

function countResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function activeSince(before: ReadonlyMap<string, number>): string[] {
  return [...countResources()]
    .filter(([name, count]) => count > (before.get(name) ?? 0))
    .map(([name]) => `a ${name} that is still open`);
}

/** What no property holds: who listens to what everybody can listen to, and settings of the process. */
function stateNow(): unknown[] {
  const emitters: NodeJS.EventEmitter[] = [process, process.stdout, process.stderr];
  const found: unknown[] = emitters.flatMap((emitter) =>
    emitter.eventNames().flatMap((name) => [name, ...emitter.rawListeners(name)]),
  );
  for (const key of Object.getOwnPropertySymbols(performance)) {
    const value: unknown = Reflect.get(performance, key);
    if (types.isMap(value)) found.push(...Map.prototype.keys.call(value));
  }
  const { sourceMapsEnabled } = process;
  return [
    ...found,
    Reflect.get(performance, 'onresourcetimingbufferfull'),
    sourceMapsEnabled,
    process.hasUncaughtExceptionCaptureCallback(),
    ...(isMainThread ? [process.umask()] : []),
  ];
}

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { SharedObjects } from './shared-objects.ts';
import { watchTensorFlow } from './tensorflow-state.ts';

/** What the language and Node.js share among all code of a thread, by name. */
const SHARED_NAMES = [
  ...['Object', 'Function', 'Array', 'String', 'Number', 'Boolean', 'Symbol', 'BigInt', 'Date', 'RegExp'],
  ...['Promise', 'Map', 'Set', 'WeakMap', 'WeakSet', 'WeakRef', 'FinalizationRegistry', 'Proxy', 'Iterator'],
  ...['ArrayBuffer', 'SharedArrayBuffer', 'DataView', 'Int8Array', 'Uint8Array', 'Uint8ClampedArray'],
  ...[
    'Int16Array',
    'Uint16Array',
    'Int32Array',
    'Uint32Array',
    'Float16Array',
    'Float32Array',
    'Float64Array',
  ],
  ...['BigInt64Array', 'BigUint64Array', 'JSON', 'Math', 'Reflect', 'Atomics', 'Intl', 'WebAssembly'],
  ...['Error', 'AggregateError', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError'],
  ...['URIError', 'parseInt', 'parseFloat', 'isNaN', 'isFinite', 'eval', 'console', 'queueMicrotask'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'],
  ...['URL', 'URLSearchParams', 'TextEncoder', 'TextDecoder', 'Event', 'EventTarget', 'AbortController'],
  ...['AbortSignal', 'structuredClone'],
];

/** Change with every listener, neuroflare's own as well; listeners are compared by their numbers. */
const EMITTER_KEYS = new Set(['_events', '_eventsCount', '_maxListeners']);
/** Node.js puts them there when its HTTP client is first looked at. */
const HTTP_KEYS = new Set([1, 2].map((version) => Symbol.for(`undici.globalDispatcher.${version}`)));
/** A timer that a script unref'd does not show among the resources of a thread. */
const quietTimers = new Set<NodeJS.Timeout>();
const load = createRequire(import.meta.url);
const { getBuiltinModule } = process;
const loadedOwn = new Set<string>();
let shared: SharedObjects | undefined;
let resources: ReadonlyMap<string, number> = new Map();
let listeners = '';
/** Found before something of neuroflare's own was loaded, which changes shared objects, too. */
let earlier: string[] = [];
let isTask = false;

/**
 * A thread or process runs the scripts of many tasks, and nothing but `flare.saveState` may pass from one to another. Call
 * before a task. What is there before the first one is neuroflare's own; a thread that differs from it is not used again.
 */
export function expectNoTraces(): void {
  if (!shared) {
    shared = new SharedObjects();
    shared.watchMembers('', globalThis, SHARED_NAMES);
    shared.watch('Buffer', Buffer);
    shared.watch('process', process, EMITTER_KEYS);
    shared.watch('process.env', process.env);
    shared.watchKeys('globalThis', globalThis, HTTP_KEYS);
    for (const prototype of hiddenPrototypes()) shared.watch('a built-in prototype', prototype);
    noteQuietTimers();
  }
  earlier = [];
  resources = countResources();
  listeners = listenersOf(process);
  isTask = true;
}

/** Loads a module of neuroflare's own, so that what it changes in shared objects is not taken for the script's. */
export function loadOwn(name: string, url: string): void {
  if (!shared || loadedOwn.has(url)) return;
  loadedOwn.add(url);
  const exports = ours(() => load(fileURLToPath(url)) as object);
  shared.watchMembers(name, exports);
  if (name.startsWith('@tensorflow/')) watchTensorFlow(shared);
}

/** Watches the exports of a part of Node.js that a script imports. */
export function watchBuiltin(name: string): void {
  const exports: unknown = getBuiltinModule(name);
  if (!shared || typeof exports !== 'object' || exports === null) return;
  shared.watch(name, exports);
  shared.watchMembers(name, exports);
}

/** Does work of neuroflare's own in the middle of a task. */
export function ours<Result>(work: () => Result): Result {
  earlier.push(...(shared?.differences() ?? []));
  const done = () => shared?.renew();
  const result = work();
  if (result instanceof Promise) return result.finally(done) as Result;
  done();
  return result;
}

/** What the task that has just ended left in its thread; empty where the next one finds nothing of it. */
export function tracesLeft(): string[] {
  isTask = false;
  if (!shared) return [];
  performance.clearMarks();
  performance.clearMeasures();
  const found = [...earlier, ...shared.differences(), ...activeSince(resources)];
  if (listenersOf(process) !== listeners) found.push('a listener of process');
  for (const timer of quietTimers) clearTimeout(timer);
  quietTimers.clear();
  return [...new Set(found)];
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

function listenersOf(emitter: NodeJS.EventEmitter): string {
  return emitter
    .eventNames()
    .map((name) => `${String(name)} ${emitter.listenerCount(name)}`)
    .join();
}

/** Prototypes that no global name leads to. */
function hiddenPrototypes(): object[] {
  const functions = [async () => undefined, function* () {}, async function* () {}];
  const iterators = [
    [].values(),
    new Map().values(),
    new Set().values(),
    ''.matchAll(/x/g),
    ''[Symbol.iterator](),
  ];
  const typedArrays = Object.getPrototypeOf(Uint8Array) as { readonly prototype: object };
  return [
    ...functions.flatMap((made) => [
      Object.getPrototypeOf(made),
      made.prototype && Object.getPrototypeOf(made.prototype),
    ]),
    ...iterators.map((made) => Object.getPrototypeOf(made)),
    typedArrays,
    typedArrays.prototype,
  ].filter((found): found is object => typeof found === 'object' || typeof found === 'function');
}

function noteQuietTimers(): void {
  const timer = setTimeout(() => undefined, 0);
  clearTimeout(timer);
  const prototype = Object.getPrototypeOf(timer) as NodeJS.Timeout;
  const { unref } = prototype;
  prototype.unref = function (this: NodeJS.Timeout) {
    if (isTask) quietTimers.add(this);
    return unref.call(this);
  };
}

import diagnostics from 'node:diagnostics_channel';
import { syncBuiltinESMExports } from 'node:module';
import type { PerformanceObserver as Observer } from 'node:perf_hooks';
import promised from 'node:timers/promises';

/** What a script left running without a sign: Node.js tells of a timer or a port only until it is unref'd. */
const quietTimers = new Set<NodeJS.Timeout>();
const observers = new Set<Observer>();
const waits = new Set<unknown>();
/** A function that the garbage collector calls, in whatever task that is. */
let isRegistered = false;
/** A function, or a store, on a channel that everybody has by its name. */
let isSubscribed = false;
let isTask = false;

/** Call once, before any script. */
export function noteWhatRuns(): void {
  const timer = setTimeout(() => undefined, 0);
  clearTimeout(timer);
  const immediate = setImmediate(() => undefined);
  clearImmediate(immediate);
  wrap<NodeJS.Timeout>(Object.getPrototypeOf(timer), 'unref', (unref) => {
    return function () {
      if (isTask) quietTimers.add(this);
      return unref.call(this);
    };
  });
  // They hold no thread of a pool, which its owner ends: so they need not be quiet, and are counted.
  for (const prototype of [Object.getPrototypeOf(immediate), MessagePort.prototype])
    wrap(prototype, 'unref', (unref) => {
      return function () {
        return isTask ? this : unref.call(this);
      };
    });
  // Those that are promised take the wish as an option, and call no `unref`.
  for (const [holder, name, at] of PROMISED)
    wrap(holder, name, (start) => {
      return function (...given) {
        if (isTask) given[at] = counted(given[at]);
        return start.apply(this, given);
      };
    });
  syncBuiltinESMExports();
  wrap(Atomics, 'waitAsync', (wait) => {
    return function (...given) {
      const found = wait.apply(this, given) as { value: unknown };
      if (isTask && found.value instanceof Promise) noteWait(found.value);
      return found;
    };
  });
  wrap(FinalizationRegistry.prototype, 'register', (register) => {
    return function (...given) {
      isRegistered ||= isTask;
      return register.apply(this, given);
    };
  });
  noteSubscribers();
  wrap<Observer>(PerformanceObserver.prototype, 'observe', (observe) => {
    return function (...given) {
      if (isTask) observers.add(this);
      return observe.apply(this, given);
    };
  });
}

/** A channel is of another class as soon as somebody listens. */
function noteSubscribers(): void {
  const channel = diagnostics.channel('neuroflare');
  const ignore = () => undefined;
  const classes = [Object.getPrototypeOf(channel)];
  channel.subscribe(ignore);
  classes.push(Object.getPrototypeOf(channel));
  channel.unsubscribe(ignore);
  for (const prototype of classes)
    for (const name of ['subscribe', 'bindStore'])
      wrap(prototype, name, (method) => {
        return function (...given) {
          isSubscribed ||= isTask;
          return method.apply(this, given);
        };
      });
}

/** Functions of `node:timers/promises`, and which of their arguments are options. */
const PROMISED: readonly [holder: object, name: string, options: number][] = [
  [promised, 'setTimeout', 2],
  [promised, 'setInterval', 2],
  [promised, 'setImmediate', 1],
  [Object.getPrototypeOf(promised.scheduler), 'wait', 1],
];

/** The same options, but for the wish not to be counted. */
function counted(options: unknown): unknown {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return options;
  const { ref, signal } = options as { ref?: unknown; signal?: unknown };
  return { ref: ref === false ? true : ref, signal };
}

function noteWait(wait: Promise<unknown>): void {
  waits.add(wait);
  void wait.then(() => waits.delete(wait));
}

export function beginTask(): void {
  waits.clear();
  isRegistered = false;
  isSubscribed = false;
  isTask = true;
}

/** Ends what runs without a sign. Returns what cannot be ended. */
export function endTask(): string[] {
  isTask = false;
  for (const timer of quietTimers) clearTimeout(timer);
  quietTimers.clear();
  for (const observer of observers) observer.disconnect();
  observers.clear();
  return [
    ...(waits.size > 0 ? ['an Atomics.waitAsync that still waits'] : []),
    ...(isRegistered ? ['a FinalizationRegistry that still waits'] : []),
    ...(isSubscribed ? ['a diagnostics channel on which somebody still waits'] : []),
  ];
}

type Method<Self> = (this: Self, ...given: unknown[]) => unknown;

function wrap<Self>(holder: object, name: string, by: (method: Method<Self>) => Method<Self>): void {
  const property = Object.getOwnPropertyDescriptor(holder, name);
  Object.defineProperty(holder, name, { ...property, value: by(property?.value as Method<Self>) });
}

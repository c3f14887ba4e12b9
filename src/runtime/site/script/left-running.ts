import type { PerformanceObserver as Observer } from 'node:perf_hooks';

/** What a script left running without a sign: Node.js tells of a timer or a port only until it is unref'd. */
const quietTimers = new Set<NodeJS.Timeout>();
const observers = new Set<Observer>();
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
  wrap<Observer>(PerformanceObserver.prototype, 'observe', (observe) => {
    return function (...given) {
      if (isTask) observers.add(this);
      return observe.apply(this, given);
    };
  });
}

export function beginTask(): void {
  isTask = true;
}

/** Ends what runs without a sign. */
export function endTask(): void {
  isTask = false;
  for (const timer of quietTimers) clearTimeout(timer);
  quietTimers.clear();
  for (const observer of observers) observer.disconnect();
  observers.clear();
}

type Method<Self> = (this: Self, ...given: unknown[]) => unknown;

function wrap<Self>(holder: object, name: string, by: (method: Method<Self>) => Method<Self>): void {
  const property = Object.getOwnPropertyDescriptor(holder, name);
  Object.defineProperty(holder, name, { ...property, value: by(property?.value as Method<Self>) });
}

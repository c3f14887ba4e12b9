import { isPrototype, type Look, type SharedObjects } from './shared-objects.ts';

/**
 * Watches an object of the language or of Node.js with all that it leads to. Functions that are no classes, which are many and
 * which nobody writes to, are frozen instead: they need not be looked at after each task, and a script that tries is told so.
 */
export class SharedBuiltins {
  readonly #shared: SharedObjects;
  readonly #seen = new Set<object>();

  constructor(shared: SharedObjects) {
    this.#shared = shared;
  }

  /**
   * Near ones come first, so that they get the names that people know.
   *
   * @param look of the object alone; what is not looked at is not followed
   */
  walk(name: string, target: unknown, look: Look = {}): void {
    const waiting: Step[] = [{ name, target, look }];
    for (const step of waiting) {
      if (!isHolder(step.target) || this.#seen.has(step.target)) continue;
      this.#seen.add(step.target);
      if (isPlainFunction(step.target)) {
        freeze(step.target);
        // Most are: nothing of them can change any more, and nothing else is found behind them.
        if (hasNothingElse(step.target)) continue;
      }
      this.#shared.watch(step.name, step.target, step.look);
      waiting.push(...membersOf(step.name, step.target, step.look ?? {}));
    }
  }

  /** Watches what a module of neuroflare's own exports; its objects are not followed, since they are at work. */
  walkOwn(name: string, exports: object): void {
    for (const key of Reflect.ownKeys(exports)) {
      const value: unknown = Object.getOwnPropertyDescriptor(exports, key)?.value;
      const member = `${name}.${String(key)}`;
      if (typeof value === 'function') this.walk(member, value);
      else if (isHolder(value)) this.#shared.watch(member, value);
    }
  }
}

interface Step {
  readonly name: string;
  readonly target: unknown;
  readonly look?: Look;
}

function membersOf(name: string, target: object, { except, withoutStates = false }: Look): Step[] {
  const hasStates = !withoutStates && !isPrototype(target);
  const found: Step[] = [];
  for (const key of Reflect.ownKeys(target)) {
    if (except?.includes(key)) continue;
    const { value, get, set } = Object.getOwnPropertyDescriptor(target, key) ?? {};
    const member = name === 'globalThis' ? String(key) : `${name}.${String(key)}`;
    for (const made of [value, get, set, hasStates && get && set && Reflect.get(target, key)])
      if (typeof made === 'function' || key === 'prototype' || isPlain(made))
        found.push({ name: member, target: made });
  }
  return [...found, { name: `the prototype of ${name}`, target: Object.getPrototypeOf(target) }];
}

/** No class: it has no prototype of its own, or one that nobody has written to. */
function isPlainFunction(target: object): target is () => unknown {
  if (typeof target !== 'function' || target === Function.prototype) return false;
  const { value: prototype, writable } = Object.getOwnPropertyDescriptor(target, 'prototype') ?? {};
  if (!isHolder(prototype)) return Object.getPrototypeOf(target) === Function.prototype;
  return writable === true && isUntouched(prototype);
}

const OF_ANY_FUNCTION: ReadonlySet<PropertyKey> = new Set(['length', 'name', 'prototype']);

function hasNothingElse(target: object): boolean {
  const isOrdinary = Object.getPrototypeOf(target) === Function.prototype;
  return isOrdinary && Reflect.ownKeys(target).every((key) => OF_ANY_FUNCTION.has(key));
}

function isUntouched(prototype: object): boolean {
  const parent = Object.getPrototypeOf(prototype) as object | null;
  const isOwn = parent === Object.prototype;
  return isOwn && Reflect.ownKeys(prototype).every((key) => key === 'constructor');
}

function freeze(target: () => unknown): void {
  const prototype: unknown = Object.getOwnPropertyDescriptor(target, 'prototype')?.value;
  if (isHolder(prototype)) Object.freeze(prototype);
  Object.freeze(target);
}

/** A namespace or a list, and no instance of a class. */
function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Array.isArray(value);
}

function isHolder(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

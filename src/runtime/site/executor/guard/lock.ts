/**
 * What a guard uses of JavaScript, as it is before a script runs: a script may put functions of its own in the places of these, and a
 * guard that called those would ask the one it guards against. `define` makes what a script can neither change nor take away.
 */
const { apply, getPrototypeOf, ownKeys } = Reflect;
const { create, defineProperty } = Object;

export function define(target: object, name: PropertyKey, value: unknown): void {
  defineProperty(target, name, { value, writable: false, configurable: false, enumerable: true });
}

/** An ordinary property, whatever a script has put into the prototype. */
export function own(target: object, name: PropertyKey, value: unknown): void {
  defineProperty(target, name, { value, writable: true, configurable: true, enumerable: true });
}

/** An object that takes nothing from `Object.prototype`, where a script may have put values and setters. */
export function bare(): Record<string, unknown> {
  return create(null);
}

/** Calls a function with its own `this`. */
export function call(work: unknown, self: unknown, given: ArrayLike<unknown>): unknown {
  return apply(work as (...args: unknown[]) => unknown, self, given);
}

/** Puts one answer in the place of functions of an object; those it does not have stay absent. Returns how many it had. */
export function replace(target: object, names: readonly string[], answer: (name: string) => unknown): number {
  let found = 0;
  for (const name of names) {
    if (typeof Reflect.get(target, name) !== 'function') continue;
    define(target, name, answer(name));
    found += 1;
  }
  return found;
}

/** The class behind an object that Node.js made, by its methods. */
export function methodsOf(handle: unknown): object {
  const methods = typeof handle === 'object' && handle !== null ? getPrototypeOf(handle) : null;
  if (methods === null) throw new Error('This Node.js keeps its sockets in another way.');
  return methods;
}

export function symbolOf(target: object, description: string): symbol {
  for (const key of ownKeys(target))
    if (typeof key === 'symbol' && key.description === description) return key;
  throw new Error('This Node.js keeps its sockets in another way.');
}

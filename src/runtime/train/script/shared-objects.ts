const NONE: ReadonlySet<PropertyKey> = new Set();

interface Watched {
  readonly name: string;
  readonly target: object;
  readonly except: ReadonlySet<PropertyKey>;
  keys: readonly PropertyKey[];
  /** In the order of the keys: the value of a data property, the getter of an accessor. */
  values: readonly unknown[];
  getters: ReadonlySet<PropertyKey>;
}

/**
 * Objects that outlive a task because the whole thread shares them. Each is looked at again after the task: a property
 * that is new, gone or another is something the script has left there. What such an object refers to is watched only
 * if it was named, too.
 */
export class SharedObjects {
  readonly #watched = new Map<object, Watched>();

  watch(name: string, target: object, except: ReadonlySet<PropertyKey> = NONE): void {
    if (this.#watched.has(target)) return;
    this.#watched.set(target, { name, target, except, ...propertiesOf(target, except) });
  }

  /** The objects and functions that an object holds, with the prototypes of its classes; of its keys, those named. */
  watchMembers(name: string, target: object, keys: readonly PropertyKey[] = Reflect.ownKeys(target)): void {
    for (const key of keys) {
      const value: unknown = Object.getOwnPropertyDescriptor(target, key)?.value;
      if (!isObject(value)) continue;
      const member = name === '' ? String(key) : `${name}.${String(key)}`;
      this.watch(member, value);
      const prototype: unknown = Object.getOwnPropertyDescriptor(value, 'prototype')?.value;
      if (isObject(prototype)) this.watch(`${member}.prototype`, prototype);
    }
  }

  /** Keys of an object whose values are not looked at: those of `globalThis` load parts of Node.js when they are. */
  watchKeys(name: string, target: object, except: ReadonlySet<PropertyKey>): void {
    const keys = keysOf(target, except);
    this.#watched.set(target, { name, target, except, keys, values: [], getters: new Set() });
  }

  /** Names of what differs, e.g. `globalThis.counter`. */
  differences(): string[] {
    const found: string[] = [];
    for (const watched of this.#watched.values()) {
      for (const key of changedKeys(watched)) found.push(`${watched.name}.${String(key)}`);
    }
    return found;
  }

  /** Takes everything as it is now. */
  renew(): void {
    for (const watched of this.#watched.values()) {
      if (changedKeys(watched).length === 0) continue;
      const { keys, values, getters } = propertiesOf(watched.target, watched.except);
      Object.assign(watched, watched.values.length === 0 ? { keys } : { keys, values, getters });
    }
  }
}

/** Almost always nothing has changed: that is found without anything being made for it, since it runs after every task. */
function changedKeys(watched: Watched): readonly PropertyKey[] {
  return isUnchanged(watched) ? [] : findChangedKeys(watched);
}

/** Reads values without descriptors: a getter put in their place is a difference, too. */
function isUnchanged({ target, except, keys, values, getters }: Watched): boolean {
  const now = keysOf(target, except);
  if (now.length !== keys.length) return false;
  for (let index = 0; index < now.length; index++) if (now[index] !== keys[index]) return false;
  for (let index = 0; index < values.length; index++) {
    if (!Object.is(currentValue(target, keys[index] ?? '', getters), values[index])) return false;
  }
  return true;
}

function findChangedKeys({ target, except, keys, values, getters }: Watched): PropertyKey[] {
  const now = keysOf(target, except);
  const changed = keys.filter(
    (key, index) => index in values && !Object.is(currentValue(target, key, getters), values[index]),
  );
  const known = new Set(keys);
  return [...changed, ...now.filter((key) => !known.has(key))];
}

function currentValue(target: object, key: PropertyKey, getters: ReadonlySet<PropertyKey>): unknown {
  if (getters.size > 0 && getters.has(key)) return Object.getOwnPropertyDescriptor(target, key)?.get;
  return Reflect.get(target, key);
}

function propertiesOf(
  target: object,
  except: ReadonlySet<PropertyKey>,
): Pick<Watched, 'keys' | 'values' | 'getters'> {
  const keys = keysOf(target, except);
  const properties = keys.map((key) => Object.getOwnPropertyDescriptor(target, key));
  const getters = new Set(keys.filter((_, index) => properties[index] && !('value' in properties[index])));
  const values = properties.map((property, index): unknown =>
    getters.has(keys[index] ?? '') ? property?.get : property?.value,
  );
  return { keys, values, getters };
}

function keysOf(target: object, except: ReadonlySet<PropertyKey>): PropertyKey[] {
  const keys = Reflect.ownKeys(target);
  return except.size === 0 ? keys : keys.filter((key) => !except.has(key));
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

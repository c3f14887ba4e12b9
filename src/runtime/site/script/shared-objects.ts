/** As they were before any script: one that exchanges them would else say what is found. */
const { getOwnPropertyDescriptor, getPrototypeOf, isExtensible: canGrow, is } = Object;
const { ownKeys, get: read } = Reflect;
const NONE: readonly PropertyKey[] = [];

/** What of an object is looked at; without, all. */
export interface Look {
  /** Keys that change while Node.js works. */
  readonly except?: readonly PropertyKey[];
  /** No value is looked at: they change while Node.js works. */
  readonly keysOnly?: boolean;
  /** What lies behind its getters changes while Node.js works. */
  readonly withoutStates?: boolean;
}

interface Watched extends Required<Look> {
  readonly name: string;
  readonly target: object;
  now: Found;
}

interface Found {
  readonly keys: readonly PropertyKey[];
  /** In the order of the keys; undefined where the value is not looked at, or cannot change. */
  readonly properties: readonly (PropertyDescriptor | undefined)[];
  /** What getters give: where there is a setter, too, something lies behind them. */
  readonly states: readonly { readonly key: PropertyKey; readonly value: unknown }[];
  readonly prototype: unknown;
  readonly isExtensible: boolean;
}

/**
 * Objects that outlive a task because the whole thread shares them. Each is looked at again after the task: a property
 * that is new, gone or another is something the script has left there, and so is another prototype. What such an object
 * refers to is watched only if it was named, too.
 */
export class SharedObjects {
  readonly #known = new Set<object>();
  readonly #watched: Watched[] = [];

  watch(name: string, target: object, look: Look = {}): void {
    if (this.#known.has(target)) return;
    this.#known.add(target);
    const { except = NONE, keysOnly = false, withoutStates = false } = look;
    const whole = { name, target, except, keysOnly, withoutStates };
    const now = find(whole);
    // What is frozen stays as it is.
    if (!Object.isFrozen(target) || now.states.length > 0) this.#watched.push({ ...whole, now });
  }

  /** Almost always nothing has changed: that is found with as little work as can be, since it runs after every task. */
  areUnchanged(): boolean {
    for (let index = 0; index < this.#watched.length; index++) {
      const watched = this.#watched[index];
      if (watched && !isUnchanged(watched)) return false;
    }
    return true;
  }

  /** Names of what differs, e.g. `globalThis.counter`. */
  differences(): string[] {
    if (this.areUnchanged()) return [];
    const changed = this.#watched.filter((watched) => !isUnchanged(watched));
    return changed.flatMap((watched) => changedKeys(watched).map((key) => `${watched.name}.${key}`));
  }

  /** Takes everything as it is now. */
  renew(): void {
    for (const watched of this.#watched) if (!isUnchanged(watched)) watched.now = find(watched);
  }
}

/** Calls nothing that a script may have exchanged. */
function isUnchanged({ target, except, now }: Watched): boolean {
  const { keys, properties, states, prototype, isExtensible } = now;
  if (getPrototypeOf(target) !== prototype || canGrow(target) !== isExtensible) return false;
  if (isExtensible && !areSame(ownKeys(target), keys, except)) return false;
  for (let index = 0; index < keys.length; index++) {
    const before = properties[index];
    const after = before && getOwnPropertyDescriptor(target, keys[index] ?? '');
    if (before && !isSame(before, after)) return false;
  }
  for (let index = 0; index < states.length; index++) {
    const state = states[index];
    if (state && !is(read(target, state.key), state.value)) return false;
  }
  return true;
}

function changedKeys(watched: Watched): string[] {
  const { target, now: before } = watched;
  const now = find(watched);
  const known = new Set(before.keys);
  const changed = before.keys.filter((key, index) => {
    const property = before.properties[index];
    return property ? !isSame(property, getOwnPropertyDescriptor(target, key)) : !Object.hasOwn(target, key);
  });
  const states = before.states.filter(({ key, value }) => !is(read(target, key), value));
  const keys = [...changed, ...states.map(({ key }) => key), ...now.keys.filter((key) => !known.has(key))];
  return keys.length > 0 ? keys.map(String) : ['[[Prototype]]'];
}

function find({ target, except, keysOnly, withoutStates }: Omit<Watched, 'now'>): Found {
  const keys = ownKeys(target).filter((key) => !except.includes(key));
  const found = keys.map((key) => (keysOnly ? undefined : getOwnPropertyDescriptor(target, key)));
  return {
    keys,
    properties: found.map((property) => (property && canChange(property) ? property : undefined)),
    states: withoutStates ? [] : statesOf(target, keys, found),
    prototype: getPrototypeOf(target),
    isExtensible: canGrow(target),
  };
}

function canChange({ configurable, writable }: PropertyDescriptor): boolean {
  return configurable === true || writable === true;
}

/** The getters of a prototype are about its instances. */
function statesOf(target: object, keys: Found['keys'], properties: Found['properties']): Found['states'] {
  if (isPrototype(target)) return [];
  return keys
    .filter((_, index) => properties[index]?.get && properties[index]?.set)
    .map((key) => ({ key, value: read(target, key) as unknown }));
}

export function isPrototype(target: object): boolean {
  const { value } = getOwnPropertyDescriptor(target, 'constructor') ?? {};
  return typeof value === 'function' && getOwnPropertyDescriptor(value, 'prototype')?.value === target;
}

function isSame(before: PropertyDescriptor, after: PropertyDescriptor | undefined): boolean {
  return (
    after !== undefined &&
    is(after.value, before.value) &&
    after.get === before.get &&
    after.set === before.set &&
    after.writable === before.writable &&
    after.enumerable === before.enumerable &&
    after.configurable === before.configurable
  );
}

/** Keys that are excepted may be among those of now. */
function areSame(
  now: readonly PropertyKey[],
  before: readonly PropertyKey[],
  except: readonly PropertyKey[],
): boolean {
  let index = 0;
  for (let at = 0; at < now.length; at++) {
    if (now[at] === before[index]) index++;
    else if (!isIn(except, now[at])) return false;
  }
  return index === before.length;
}

function isIn(keys: readonly PropertyKey[], key: PropertyKey | undefined): boolean {
  for (let index = 0; index < keys.length; index++) if (keys[index] === key) return true;
  return false;
}

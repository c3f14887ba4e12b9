const { getBuiltinModule } = process;

type Settings = readonly (string | number | boolean)[];

/** Settings of parts of Node.js that functions set and functions give: no property holds them. */
const READERS: Readonly<Record<string, () => Settings>> = {
  crypto: () => [getBuiltinModule('crypto').getFips() === 1],
  dns: () => {
    const { getDefaultResultOrder, getServers } = getBuiltinModule('dns');
    return [getDefaultResultOrder(), getServers().join()];
  },
  net: () => {
    const { getDefaultAutoSelectFamily, getDefaultAutoSelectFamilyAttemptTimeout } = getBuiltinModule('net');
    return [getDefaultAutoSelectFamily(), getDefaultAutoSelectFamilyAttemptTimeout()];
  },
  os: () => [getBuiltinModule('os').getPriority()],
  stream: () => {
    const { getDefaultHighWaterMark } = getBuiltinModule('stream');
    return [getDefaultHighWaterMark(false), getDefaultHighWaterMark(true)];
  },
};

/** Settings of the parts of Node.js that scripts have imported, as they were before a task. */
export class BuiltinSettings {
  readonly #before = new Map<string, Settings>();

  /** A script imports a part of Node.js; until now it had none of its functions. */
  add(name: string): void {
    const read = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
    if (read && !this.#before.has(name)) this.#before.set(name, read());
  }

  /** A task begins. */
  renew(): void {
    for (const name of this.#before.keys()) this.#before.set(name, READERS[name]?.() ?? []);
  }

  areUnchanged(): boolean {
    return [...this.#before].every(([name, before]) => String(READERS[name]?.()) === String(before));
  }
}

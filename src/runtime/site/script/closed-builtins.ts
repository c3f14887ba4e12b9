/** Globals that packages add to, for old versions of Node.js or in tests: these stay open, and are looked at after each task. */
const OPEN: ReadonlySet<PropertyKey> = new Set([
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
  ...[
    'BigInt64Array',
    'BigUint64Array',
    'Error',
    'AggregateError',
    'EvalError',
    'RangeError',
    'ReferenceError',
  ],
  ...[
    'SyntaxError',
    'TypeError',
    'URIError',
    'URL',
    'URLSearchParams',
    'TextEncoder',
    'TextDecoder',
    'Event',
  ],
  ...[
    'EventTarget',
    'AbortController',
    'AbortSignal',
    'Buffer',
    'Blob',
    'File',
    'ReadableStream',
    'Response',
  ],
  ...['Headers', 'Request', 'FormData'],
]);

/** Makes the classes that nobody writes to such that nobody can: what is frozen is not looked at after each task. */
export function closeBuiltins(): void {
  for (const key of Reflect.ownKeys(globalThis)) {
    const value: unknown = OPEN.has(key)
      ? undefined
      : Object.getOwnPropertyDescriptor(globalThis, key)?.value;
    if (typeof value === 'function') close(value);
  }
  const { WebAssembly: assembly } = globalThis as { WebAssembly?: object };
  for (const made of [...classesOf(assembly ?? {}), ...classesOf(Intl)]) close(made);
}

function close(made: object): void {
  const prototype: unknown = Object.getOwnPropertyDescriptor(made, 'prototype')?.value;
  if (typeof prototype === 'object' && prototype !== null) Object.freeze(prototype);
  Object.freeze(made);
}

function classesOf(namespace: object): object[] {
  return Object.values(Object.getOwnPropertyDescriptors(namespace))
    .map(({ value }) => value as unknown)
    .filter((value): value is () => unknown => typeof value === 'function');
}

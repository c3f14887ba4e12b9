import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';

/**
 * A task writes, and the next one reads in the same thread: either what was left is found, and there is no next task in this
 * thread, or the next one reads what is read in a fresh thread.
 */

interface Way {
  readonly write: string;
  readonly read: string;
}

const property = (holder: string, key = "'zz'"): Way => ({
  write: `Object.defineProperty(${holder}, ${key}, { value: 1, configurable: true, writable: true })`,
  read: `(${holder})[${key}]`,
});
/** A setting of a part of Node.js behind functions. */
const setting = (part: string, write: string, read: string): Way => ({
  write: `process.getBuiltinModule('${part}').${write}`,
  read: `process.getBuiltinModule('${part}').${read}`,
});
const SEGMENTS = "new Intl.Segmenter('en').segment('a')";
const TIMER =
  'Object.getPrototypeOf((() => { const t = setTimeout(() => 0, 0); clearTimeout(t); return t; })())';
const IMMEDIATE =
  'Object.getPrototypeOf((() => { const t = setImmediate(() => 0); clearImmediate(t); return t; })())';

const HOLDERS = {
  'the prototype of iterator helpers': 'Object.getPrototypeOf([].values().map((x) => x))',
  'the prototype of wrapped iterators':
    'Object.getPrototypeOf(Iterator.from({ next: () => ({ done: true }) }))',
  'the prototype of iterators of texts': "Object.getPrototypeOf(''[Symbol.iterator]())",
  'the prototype of iterators of arrays': 'Object.getPrototypeOf([].values())',
  'the prototype of iterators of maps': 'Object.getPrototypeOf(new Map().values())',
  'the prototype of iterators of sets': 'Object.getPrototypeOf(new Set().values())',
  'the prototype of matches': "Object.getPrototypeOf(''.matchAll(/x/g))",
  'the prototype of all iterators': 'Object.getPrototypeOf(Object.getPrototypeOf([].values()))',
  'the prototype of asynchronous generators': 'Object.getPrototypeOf(async function* () {}.prototype)',
  'the prototype of asynchronous iterators':
    'Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}.prototype))',
  'the prototype of asynchronous generator functions': 'Object.getPrototypeOf(async function* () {})',
  'the prototype of segments': `Object.getPrototypeOf(${SEGMENTS})`,
  'the prototype of iterators of segments': `Object.getPrototypeOf(${SEGMENTS}[Symbol.iterator]())`,
  'the prototype of parameters of a URL': 'Object.getPrototypeOf(new URLSearchParams().entries())',
  'the prototype of timers': TIMER,
  'the class of timers': `${TIMER}.constructor`,
  'a method of timers': `${TIMER}.unref`,
  'the prototype of immediates': IMMEDIATE,
  'a prototype of process': 'Object.getPrototypeOf(process)',
  'the prototype of a prototype of process': 'Object.getPrototypeOf(Object.getPrototypeOf(process))',
  'a late object': 'crypto',
  'an object behind a getter': 'crypto.subtle',
  'another object behind a getter': 'performance.nodeTiming',
  'a prototype of a late object': 'Object.getPrototypeOf(performance)',
  navigator: 'navigator',
  'a late class': 'ReadableStream',
  'the prototype of a late class': 'CompressionStream.prototype',
  'a method of a late class': 'ReadableStream.prototype.getReader',
  'a class of Intl': 'Intl.NumberFormat',
  'a prototype of Intl': 'Intl.NumberFormat.prototype',
  Intl: 'Intl',
  'a class of WebAssembly': 'WebAssembly.Module',
  'a prototype of WebAssembly': 'WebAssembly.Memory.prototype',
  'a method': 'Array.prototype.map',
  'a method of a namespace': 'JSON.parse',
  'a getter': "Object.getOwnPropertyDescriptor(Map.prototype, 'size').get",
  'a function of process': 'process.hrtime',
  'a function of a function': 'process.hrtime.bigint',
  'versions of process': 'process.versions',
  'arguments of process': 'process.argv',
  'features of process': 'process.features',
  'the list of what Node.js has loaded': 'process.moduleLoadList',
  'a stream of process': 'process.stdout',
  'what process reports': 'process.report',
  'a method of Buffer': 'Buffer.prototype.toString',
  'a method of URL': 'URL.prototype.toString',
  'a function of the console': 'console.log',
  'a prototype of a plain function': 'setTimeout.prototype',
  'a list of the language': 'Array.prototype[Symbol.unscopables]',
};

const WAYS: Readonly<Record<string, Way>> = {
  ...Object.fromEntries(Object.entries(HOLDERS).map(([name, holder]) => [name, property(holder)])),
  'a symbol of a method': property('Array.prototype.map', "Symbol.for('zz')"),
  'a global of another value': { write: 'globalThis.Headers = Map', read: 'globalThis.Headers === Map' },
  'a global of the language': {
    write: 'globalThis.Map = class extends Map {}',
    read: 'Object.getPrototypeOf(Map) === Function.prototype',
  },
  'the name of a method': {
    write: "Object.defineProperty(Array.prototype.map, 'name', { value: 'state' })",
    read: 'Array.prototype.map.name',
  },
  'the prototype of a method': {
    write: 'Object.setPrototypeOf(Array.prototype.map, { zz: 1 })',
    read: 'Array.prototype.map.zz',
  },
  'the prototype of a class': {
    write: 'Object.setPrototypeOf(Map, Object.assign(Object.create(Function.prototype), { zz: 1 }))',
    read: 'Map.zz',
  },
  'a setter alone': {
    write: "Object.defineProperty(Object.prototype, '__proto__', { set: Object.assign(() => 0, { zz: 1 }) })",
    read: "Object.getOwnPropertyDescriptor(Object.prototype, '__proto__').set.zz",
  },
  'an attribute of a property': {
    write: "Object.defineProperty(Map.prototype, 'get', { enumerable: true })",
    read: "Object.prototype.propertyIsEnumerable.call(Map.prototype, 'get')",
  },
  'whether a property may be written': {
    write: "Object.defineProperty(Math, 'max', { writable: false })",
    read: "Object.getOwnPropertyDescriptor(Math, 'max').writable",
  },
  'what may be added to': { write: 'Object.preventExtensions(Math)', read: 'Object.isExtensible(Math)' },
  'a constructor that returns another object': {
    write: 'new (class extends function (at) { return at; } { zz = 1; })(Array.prototype.map)',
    read: 'Array.prototype.map.zz',
  },
  'private names on a shared object': {
    write:
      'class Stamp extends function (at) { return at; } { #n = 1; static has(at) { return #n in at; } }; new Stamp(Array.prototype)',
    read: '(class Stamp extends function (at) { return at; } { #n = 1; static has(at) { return #n in at; } }).has(Array.prototype)',
  },
  'the last match of a regular expression': {
    write: "/(si)te/.test('of a site')",
    read: '[RegExp.$1, RegExp.lastMatch, RegExp.leftContext, RegExp.rightContext, RegExp.lastParen, RegExp.input].join()',
  },
  'the input of regular expressions': { write: "RegExp.input = 'state'", read: 'RegExp.input' },
  'the limit of stacks': { write: 'Error.stackTraceLimit = 7', read: 'Error.stackTraceLimit' },
  'the form of stacks': {
    write: "Error.prepareStackTrace = () => 'state'",
    read: 'new Error().stack === "state"',
  },
  'a counter of the console': {
    write: "console.count('zz')",
    read: '(() => { const { log } = console; let n; console.log = (text) => { n = text; }; console.count("zz"); console.countReset("zz"); console.log = log; return n; })()',
  },
  'a clock of the console': {
    write: "console.time('zz')",
    read: '(() => { const { log } = console; let n = 0; console.log = () => { n = 1; }; const { emitWarning } = process; process.emitWarning = () => 0; console.timeLog("zz"); process.emitWarning = emitWarning; console.log = log; return n; })()',
  },
  'a group of the console': {
    write: 'console.group()',
    read: 'Object.getOwnPropertySymbols(console).map((key) => String(console[key])).join()',
  },
  'marks of performance': {
    write: "performance.mark('zz')",
    read: "performance.getEntriesByName('zz').length",
  },
  'resources of performance': {
    write:
      'performance.markResourceTiming({ startTime: 1, endTime: 2, finalConnectionTimingInfo: null }, "http://zz", "fetch", globalThis, "", {}, 200, "")',
    read: "performance.getEntriesByType('resource').length",
  },
  'a listener of performance': {
    write: "performance.addEventListener('zz', (event) => { event.zz = 1; })",
    read: "(() => { const event = new Event('zz'); performance.dispatchEvent(event); return event.zz; })()",
  },
  'a handler of performance': {
    write: 'performance.onresourcetimingbufferfull = () => 1',
    read: 'typeof performance.onresourcetimingbufferfull',
  },
  'an exit code': { write: 'process.exitCode = 7', read: 'process.exitCode' },
  'the title of the process': { write: "process.title = 'state'", read: 'process.title' },
  'a port of the inspector': { write: 'process.debugPort = 7777', read: 'process.debugPort' },
  'a name of a report': { write: "process.report.filename = 'state'", read: 'process.report.filename' },
  'maps of sources': {
    write: 'process.setSourceMapsEnabled(!process.sourceMapsEnabled)',
    read: 'process.sourceMapsEnabled',
  },
  'most listeners of process': { write: 'process.setMaxListeners(77)', read: 'process.getMaxListeners()' },
  'most listeners of all': {
    write: 'Object.getPrototypeOf(Object.getPrototypeOf(process)).constructor.defaultMaxListeners = 77',
    read: 'Object.getPrototypeOf(Object.getPrototypeOf(process)).constructor.defaultMaxListeners',
  },
  'a listener in the place of another': {
    write:
      "process.removeListener('warning', process.listeners('warning')[0]); process.on('warning', Object.assign(() => 0, { zz: 1 }))",
    read: "process.listeners('warning').some(({ zz }) => zz)",
  },
  'a listener of a stream': {
    write: "process.stdout.on('zz', (box) => { box.zz = 1; })",
    read: "(() => { const box = {}; process.stdout.emit('zz', box); return box.zz; })()",
  },
  'what catches errors': {
    write: 'process.setUncaughtExceptionCaptureCallback(() => 0)',
    read: 'process.hasUncaughtExceptionCaptureCallback()',
  },
  'a part of the environment': { write: "process.env.ZZ = '1'", read: 'process.env.ZZ' },
  'an unref’d immediate': { write: 'setImmediate(() => 0).unref()', read: '0' },
  'a look at properties that lies': {
    write: `const { getOwnPropertyDescriptor: look } = Object;
      Object.getOwnPropertyDescriptor = (at, key) => key === 'getOwnPropertyDescriptor' ? { ...look(at, key), value: look } : look(at, key)`,
    read: 'Object.getOwnPropertyDescriptor.length',
  },
  'a walk over maps and lists that finds nothing': {
    write: `for (const list of [[], new Map(), new Set()])
      Object.getPrototypeOf(list.values()).next = Object.assign(() => ({ done: true }), { zz: 1 })`,
    read: 'Object.getPrototypeOf([].values()).next.zz',
  },
  'a list that drops what is added': {
    write: 'Array.prototype.push = Object.assign(() => 0, { zz: 1 }); Array.prototype.filter = () => []',
    read: 'Array.prototype.push.zz',
  },
  'styles of inspect': property("process.getBuiltinModule('util').inspect.styles"),
  'options of inspect': {
    write: "process.getBuiltinModule('util').inspect.defaultOptions.depth = 9",
    read: "process.getBuiltinModule('util').inspect.defaultOptions.depth",
  },
  'bytes of inspect': {
    write: "process.getBuiltinModule('buffer').INSPECT_MAX_BYTES = 9",
    read: "process.getBuiltinModule('buffer').INSPECT_MAX_BYTES",
  },
  'how much a stream holds': setting(
    'stream',
    'setDefaultHighWaterMark(false, 12345)',
    'getDefaultHighWaterMark(false)',
  ),
  'how many objects a stream holds': setting(
    'stream',
    'setDefaultHighWaterMark(true, 123)',
    'getDefaultHighWaterMark(true)',
  ),
  'how addresses are tried': setting(
    'net',
    'setDefaultAutoSelectFamily(false)',
    'getDefaultAutoSelectFamily()',
  ),
  'how long an address is tried': setting(
    'net',
    'setDefaultAutoSelectFamilyAttemptTimeout(4321)',
    'getDefaultAutoSelectFamilyAttemptTimeout()',
  ),
  'who is asked for names': setting('dns', "setServers(['192.0.2.7'])", 'getServers().join()'),
  'the order of addresses': setting('dns', "setDefaultResultOrder('ipv6first')", 'getDefaultResultOrder()'),
  'the priority of the process': setting('os', 'setPriority(7)', 'getPriority()'),
  'a module that is a function': property("process.getBuiltinModule('assert')"),
  'a function of a module': property("process.getBuiltinModule('path').join"),
};

const TRACES = new URL('../../../src/runtime/site/script/traces.ts', import.meta.url).href;
const THREAD = `import(${JSON.stringify(TRACES)}).then(({ expectNoTraces, tracesLeft, watchBuiltin }) => {
  const { parentPort } = require('node:worker_threads');
  const attempt = (code) => {
    try { return String((0, eval)("'use strict';" + code)); } catch (error) { return 'throws ' + error.name; }
  };
  parentPort.on('message', ({ write, read }) => {
    for (const [, name] of read.matchAll(/getBuiltinModule\\('(\\w+)'\\)/g)) watchBuiltin(name);
    const before = read && attempt(read);
    expectNoTraces();
    const wrote = attempt(write);
    const left = tracesLeft();
    expectNoTraces();
    const after = read && attempt(read);
    parentPort.postMessage({ before, wrote, left, after });
    tracesLeft();
  });
  expectNoTraces();
  tracesLeft();
  parentPort.postMessage('ready');
});`;

interface Said {
  readonly before: string;
  readonly wrote: string;
  readonly left: readonly string[];
  readonly after: string;
}

let thread: Worker | undefined;

async function startThread(): Promise<Worker> {
  const started = new Worker(THREAD, { eval: true, stdout: true });
  await once(started, 'message');
  return started;
}

async function tell(way: Way): Promise<Said> {
  thread ??= await startThread();
  thread.postMessage(way);
  const [said] = (await once(thread, 'message')) as [Said];
  if (said.left.length > 0) await end();
  return said;
}

async function end(): Promise<void> {
  await thread?.terminate();
  thread = undefined;
}

afterAll(end);

describe('within a thread', () => {
  it('an ordinary task leaves nothing', async () => {
    const ordinary = `new Blob(['x']).stream(); [1].map(String); performance.now(); new Intl.NumberFormat('en').format(1);
    crypto.randomUUID(); class Own extends ReadableStream { static from = 1; cancel = 1 }; new Own(); structuredClone({});
    new TextDecoder().decode(new Uint8Array(1)); console.log; console.time('a'); setTimeout(() => 0, 0).unref();
    process.hrtime.bigint(); navigator.hardwareConcurrency; Math.random(); [...new Intl.Segmenter('en').segment('a b')];
    class List extends Array { map = 1 }; new List(); const error = new TypeError('x'); error.name = 'Y';
    const Old = function () {}; Old.prototype = Object.create(Map.prototype); Old.prototype.constructor = Old; Old.prototype.get = 1;
    void 0`;
    expect(await tell({ write: ordinary, read: '0' })).toMatchObject({ left: [], wrote: 'undefined' });
  });

  it.each(Object.entries(WAYS))('nothing passes by %s', async (_, way) => {
    const { before, left, after, wrote } = await tell(way);
    expect(left.length > 0 || after === before, JSON.stringify({ before, wrote, left, after })).toBe(true);
  });

  it.each([
    "process.getBuiltinModule('timers/promises').setTimeout(60000, 0, { ref: false })",
    "process.getBuiltinModule('timers/promises').setInterval(60000, 0, { ref: false }).next()",
    "process.getBuiltinModule('timers/promises').setImmediate(0, { ref: false })",
    "process.getBuiltinModule('timers/promises').scheduler.wait(60000, { ref: false })",
    "process.getBuiltinModule('util').promisify(setTimeout)(60000, 0, { ref: false })",
    "process.getBuiltinModule('timers').promises.setTimeout(60000, 0, { get ref() { return false; } })",
    'Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60000)',
    'new FinalizationRegistry(() => 0).register({}, 0)',
    "process.getBuiltinModule('diagnostics_channel').channel('own').subscribe(() => 0)",
    "process.getBuiltinModule('diagnostics_channel').subscribe('own', () => 0)",
    "process.getBuiltinModule('diagnostics_channel').channel('own').bindStore({ run: () => 0 })",
  ])('what goes on is told: %s', async (write) => {
    const { left, wrote } = await tell({ write, read: '0' });
    expect(wrote).not.toContain('throws');
    expect(left).toEqual([expect.stringMatching(/still (open|waits)$/)]);
  });

  it('what is over is not', async () => {
    const write = `process.getBuiltinModule('timers/promises').setTimeout(60000, 0, { ref: false, signal: AbortSignal.abort() }).catch(() => 0);
    const cell = new Int32Array(new SharedArrayBuffer(4)); Atomics.waitAsync(cell, 0, 1); void 0`;
    expect(await tell({ write, read: '0' })).toMatchObject({ left: [], wrote: 'undefined' });
  });
});

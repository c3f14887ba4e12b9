import { denied } from './close-process.ts';
import { bare, call, define } from './lock.ts';

/** Native libraries of neuroflare without the parts that open files by name. */

type Library = Record<string, unknown>;

/** Pictures in memory, of the usual formats, are all that may be read and written. */
const PICTURES_IN_MEMORY = ['Load', 'Save'].flatMap((way) =>
  ['Jpeg', 'Png', 'Webp', 'Tiff'].map((format) => `VipsForeign${way}${format}Buffer`),
);

/** libvips blocks its own operations (https://www.libvips.org/API/current/func.operation_block_set.html): files, fonts, profiles. */
export function tameSharp(library: Library): void {
  const { block } = library;
  if (typeof block !== 'function') throw new Error('This sharp cannot block operations.');
  call(block, library, [['VipsForeign', 'VipsText', 'VipsProfileLoad'], true]);
  call(block, library, [PICTURES_IN_MEMORY, false]);
  define(library, 'block', denied('sharp.block'));
}

/** Of an option of a session: what has to do with computing. Others name files, or libraries to load. */
const SESSION_OPTIONS = [
  'intraOpNumThreads',
  'interOpNumThreads',
  'executionMode',
  'enableCpuMemArena',
  'enableMemPattern',
  'graphOptimizationLevel',
  'logSeverityLevel',
  'logVerbosityLevel',
  'freeDimensionOverrides',
  'preferredOutputLocation',
  'enableGraphCapture',
];

/** Models come as bytes. What such a model names lies in the current folder, says ONNX Runtime itself. */
export function tameOnnxruntime(library: Library): void {
  const Raw = library.InferenceSession as new () => Library;
  const { loadModel, run, dispose, endProfiling } = Raw.prototype as Library;
  if (typeof loadModel !== 'function') throw new Error('This onnxruntime loads models in another way.');
  define(
    library,
    'InferenceSession',
    class InferenceSession {
      readonly #raw = new Raw();
      loadModel(...given: unknown[]): void {
        if (typeof given[0] === 'string') denied('models by file name')();
        call(loadModel, this.#raw, [given[0], given[1], given[2], computing(given[3])]);
      }
      run(...given: unknown[]): unknown {
        return call(run, this.#raw, given);
      }
      dispose(): void {
        call(dispose, this.#raw, []);
      }
      endProfiling(): void {
        call(endProfiling, this.#raw, []);
      }
      get inputMetadata(): unknown {
        return this.#raw.inputMetadata;
      }
      get outputMetadata(): unknown {
        return this.#raw.outputMetadata;
      }
    },
  );
}

function computing(options: unknown): Library {
  const given = isObject(options) ? options : bare();
  const kept = bare();
  kept.executionProviders = providers(given.executionProviders);
  for (let at = 0; at < SESSION_OPTIONS.length; at++) {
    const name = SESSION_OPTIONS[at] ?? '';
    const value = given[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

/** Names and numbers of devices; more would name libraries. */
function providers(given: unknown): Library[] {
  const list: Library = isObject(given) ? given : bare();
  const kept: Library[] = [];
  for (let at = 0; at < Number(list.length ?? 0); at++) {
    const one = list[at];
    const made = bare();
    const { name, deviceId } = isObject(one) ? one : { name: one, deviceId: undefined };
    made.name = `${name}`;
    if (typeof deviceId === 'number') made.deviceId = deviceId;
    define(kept, at, made);
  }
  return kept;
}

function isObject(value: unknown): value is Library {
  return typeof value === 'object' && value !== null;
}

/** Operations of TensorFlow that have to do with files, tables of files, sockets or other processes. */
const OF_FILES =
  /File|Save|Restore|Checkpoint|Reader|Dataset|Iterator|Record|Summary|Debug|Dump|Print|Proto|Table|Rpc|Session|Remap|Sql|Big|PyFunc|Queue|Service|Library/i;

const { exec } = RegExp.prototype;

export function tameTensorflow(library: Library): void {
  const { executeOp: execute } = library;
  if (typeof execute !== 'function') throw new Error('This tfjs-node computes in another way.');
  define(library, 'executeOp', function (this: unknown, name: unknown, ...rest: unknown[]) {
    if (typeof name !== 'string' || call(exec, OF_FILES, [name]) !== null)
      return denied('files by TensorFlow')();
    return call(execute, this, [name, ...rest]);
  });
  define(library, 'loadSavedModel', denied('models by file name'));
}

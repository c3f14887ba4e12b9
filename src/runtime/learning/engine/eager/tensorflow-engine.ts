import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import util from 'node:util';
import { findBackend } from '@tensorflow/tfjs-core';
import { flError } from '../../../base/errors/errors.ts';
import { applyNativeSettings } from '../../../base/threads/native-settings.ts';
import { requireOwn } from '../../../base/threads/require-own.ts';
import type { Engine, EngineInfo } from '../engine.ts';
import '../tfjs.ts';
import { reasonOf } from '../../../base/errors/reason-of.ts';
import { eagerFunction } from './eager-function.ts';
import { EagerModel } from './eager-model.ts';
import { findTensorflowPackages, hasBinding, type TensorflowPackage } from './tensorflow-package.ts';

const BACKEND = 'tensorflow';

/** TensorFlow's native library behind tfjs, in one of its packages. */
export interface TensorflowBinding {
  readonly library: string;
  /** Of the package. */
  readonly version: string;
  /** Version of the native library, which need not be the one that the package downloads. */
  readonly tensorflow: string;
  readonly device: 'cpu' | 'gpu';
}

/** This module, for a process that only loads the binding. */
export const LOADER_URL = import.meta.url;

let loading: Promise<TensorflowBinding> | undefined;

/**
 * Loads tfjs-node-gpu, else tfjs-node, or the package that NEUROFLARE_TENSORFLOW_DIR names. Either package can be
 * installed without its native part, which shows only here.
 *
 * @throws NF_ENGINE_UNAVAILABLE with the reason for each package
 */
export function loadTensorflow(): Promise<TensorflowBinding> {
  loading ??= loadFirst();
  return loading;
}

export async function createTensorflowEngine(reason: string): Promise<Engine> {
  const { library, version, device } = await loadTensorflow();
  const threads = availableParallelism(); // TensorFlow's own default
  const info: EngineInfo = { name: 'tensorflow', device, library, version, build: 'native', threads, reason };
  return {
    name: 'tensorflow',
    device,
    describe: () => info,
    compile: async (model, options) => new EagerModel(BACKEND, model, options),
    compileFunction: (work, options = {}) => eagerFunction(BACKEND, work, options),
  };
}

async function loadFirst(): Promise<TensorflowBinding> {
  restoreNodeUtil();
  // No notes on stderr, only warnings and errors of weight; TensorFlow's line about oneDNN heeds no setting.
  applyNativeSettings();
  const reasons: string[] = [];
  for (const candidate of findTensorflowPackages()) {
    try {
      return load(candidate);
    } catch (error) {
      reasons.push(`${candidate.name} ${loadFault(error)}`);
    }
  }
  throw flError('NF_ENGINE_UNAVAILABLE', {
    engine: 'tensorflow',
    reason: `${reasons.join(', ')}.`,
    advice: "Run 'neuroflare engine install tensorflow' to bring TensorFlow's native library.",
  });
}

function load({ name, folder }: TensorflowPackage): TensorflowBinding {
  if (folder === undefined) throw new Error(ABSENT);
  if (!hasBinding(folder)) throw new Error(BARE);
  // The package asks for `@tensorflow/tfjs`, which is neuroflare's own module where it lies beside no other.
  const module: unknown = requireOwn(() => createRequire(import.meta.url)(folder));
  const backend: unknown = findBackend(BACKEND);
  return {
    library: name,
    version: String(valueAt(module, 'version', 'tfjs-node')),
    tensorflow: String(valueAt(backend, 'binding', 'TF_Version')),
    device: valueAt(backend, 'isUsingGpuDevice') === true ? 'gpu' : 'cpu',
  };
}

const ABSENT = 'is not installed';
const BARE = 'is installed without its native library';

/** tfjs-node 4.22 calls functions that Node 23 removed from `util`. */
function restoreNodeUtil(): void {
  const legacy = util as unknown as Record<string, unknown>;
  legacy.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  legacy.isArray ??= Array.isArray;
  legacy.isString ??= (value: unknown) => typeof value === 'string';
  legacy.isObject ??= (value: unknown) => typeof value === 'object' && value !== null;
}

function valueAt(object: unknown, ...keys: string[]): unknown {
  return keys.reduce((value: unknown, key) => Reflect.get(Object(value), key), object);
}

/** Why a package could not be loaded, in words that do not depend on where it lies. */
function loadFault(error: unknown): string {
  const message = reasonOf(error);
  return message === ABSENT || message === BARE
    ? message
    : `fails to load (${message.split('\n')[0]?.trim()})`;
}

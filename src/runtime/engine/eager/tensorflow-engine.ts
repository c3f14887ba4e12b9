import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import util from 'node:util';
import { findBackend } from '@tensorflow/tfjs-core';
import { flError } from '../../kernel/errors.ts';
import type { Engine, EngineInfo } from '../engine.ts';
import '../tfjs.ts';
import { EagerModel } from './eager-model.ts';

const BACKEND = 'tensorflow';

/** TensorFlow's native library behind tfjs, in one of its packages. */
export interface TensorflowBinding {
  readonly library: string;
  readonly version: string;
  readonly device: 'cpu' | 'gpu';
}

let loading: Promise<TensorflowBinding> | undefined;

/**
 * Loads tfjs-node-gpu, else tfjs-node. Either package can be installed without its native part, which shows only here.
 *
 * @throws NF_ENGINE_UNAVAILABLE with the reason for each package
 */
export function loadTensorflow(): Promise<TensorflowBinding> {
  loading ??= loadFirst(['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']);
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
  };
}

async function loadFirst(packages: readonly string[]): Promise<TensorflowBinding> {
  restoreNodeUtil();
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'; // no notes on stderr, only warnings and errors of weight
  const reasons: string[] = [];
  for (const name of packages) {
    try {
      requireNativePart(name);
      const module: unknown = await import(name);
      return { library: name, version: versionOf(module), device: usesGpu() ? 'gpu' : 'cpu' };
    } catch (error) {
      reasons.push(`${name} ${reasonOf(error)}`);
    }
  }
  const advice = `Run 'neuroflare engine install tensorflow' to bring TensorFlow's native library. Where that command is not there yet, run '${INSTALL}' in node_modules/@tensorflow/tfjs-node-gpu, which downloads it.`;
  throw flError('NF_ENGINE_UNAVAILABLE', { engine: 'tensorflow', reason: `${reasons.join(', ')}.`, advice });
}

/** The package's own install script, which is not run when dependencies are installed. */
const INSTALL = 'node scripts/install.js gpu download';

/** tfjs-node 4.22 calls functions that Node 23 removed from `util`. */
function restoreNodeUtil(): void {
  const legacy = util as unknown as Record<string, unknown>;
  legacy.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  legacy.isArray ??= Array.isArray;
  legacy.isString ??= (value: unknown) => typeof value === 'string';
  legacy.isObject ??= (value: unknown) => typeof value === 'object' && value !== null;
}

function usesGpu(): boolean {
  const backend: unknown = findBackend(BACKEND);
  const gpu = typeof backend === 'object' && backend !== null && 'isUsingGpuDevice' in backend;
  return gpu && backend.isUsingGpuDevice === true;
}

function versionOf(module: unknown): string {
  const version: unknown = Reflect.get(Object(module), 'version');
  return String(Reflect.get(Object(version), 'tfjs-node') ?? 'unknown');
}

/**
 * Fails where a package lies without its native library, as it does when install scripts are not run. Importing it would
 * fail as well, but only after loading all of TensorFlow.js, in every thread that looks for an engine.
 */
function requireNativePart(name: string): void {
  const folder = dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  const builds = join(folder, 'lib');
  const found =
    existsSync(builds) && readdirSync(builds).some((build) => existsSync(join(builds, build, BINDING)));
  if (!found) throw new Error(`no ${BINDING}`);
}

const BINDING = 'tfjs_binding.node';

/** Why a package could not be loaded, in words that do not depend on where it lies. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (message.startsWith('Cannot find module')) return 'is not installed';
  if (message === `no ${BINDING}`) return 'is installed without its native library';
  return `fails to load (${message.split('\n')[0]?.trim()})`;
}

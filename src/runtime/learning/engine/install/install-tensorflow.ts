import { realpath } from 'node:fs/promises';
import { flError } from '../../../base/errors/errors.ts';
import type { TensorflowBinding } from '../eager/tensorflow-engine.ts';
import { findTensorflowPackages, hasBinding } from '../eager/tensorflow-package.ts';
import { buildFromWheel } from './build-from-wheel.ts';
import { checkBinding } from './check-binding.ts';
import { downloadParts } from './download.ts';
import type { Recipe } from './recipe.ts';
import { placeNativeParts, removeStaged, stagePackage } from './staging.ts';

export interface InstallOptions {
  /** Build against the TensorFlow of this Python folder instead of downloading. */
  readonly fromPython?: string | undefined;
  /** Install also where there is a binding that loads. */
  readonly force: boolean;
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
}

export interface TensorflowInstallation extends TensorflowBinding {
  /** Where the package lies. */
  readonly folder: string;
  /** False if there was nothing to do. */
  readonly installed: boolean;
}

/**
 * Brings TensorFlow's native library into its package for Node.js. All work is done in a copy beside the package; only
 * a binding that was seen to load is moved into it.
 *
 * @throws NF_ENGINE_INSTALL_PACKAGE, NF_ENGINE_INSTALL_DOWNLOAD, NF_ENGINE_INSTALL_PLATFORM, NF_ENGINE_INSTALL_WHEEL,
 *   NF_ENGINE_INSTALL_TOOLS, NF_ENGINE_INSTALL_BUILD, NF_ENGINE_INSTALL_LOAD; the package is as before then
 */
export async function installTensorflow(options: InstallOptions): Promise<TensorflowInstallation> {
  const { name, folder } = await findPackage();
  const present = options.force ? undefined : await loadPresent(folder, options);
  if (present) return { ...present, folder, installed: false };
  const recipe = options.fromPython === undefined ? downloadParts(name) : buildFromWheel(options.fromPython);
  return { ...(await carryOut(recipe, folder, options)), folder, installed: true };
}

async function findPackage(): Promise<{ name: string; folder: string }> {
  const packages = findTensorflowPackages();
  for (const { name, folder } of packages) {
    if (folder !== undefined) return { name, folder: await realpath(folder) };
  }
  throw flError('NF_ENGINE_INSTALL_PACKAGE', { packages: packages.map(({ name }) => name).join(' or ') });
}

async function loadPresent(folder: string, { signal, tell }: InstallOptions) {
  if (!hasBinding(folder)) return undefined;
  const answer = await checkBinding(folder, signal);
  if ('binding' in answer) return answer.binding;
  tell(`Replacing a binding that does not load: ${answer.reason}`);
  return undefined;
}

async function carryOut(recipe: Recipe, folder: string, { signal, tell }: InstallOptions) {
  const staged = await stagePackage(folder);
  try {
    await recipe({ staged, signal, tell });
    tell('Loading it ...');
    const answer = await checkBinding(staged, signal);
    if (!('binding' in answer)) throw flError('NF_ENGINE_INSTALL_LOAD', { reason: answer.reason });
    signal.throwIfAborted();
    await placeNativeParts(staged, folder);
    return answer.binding;
  } finally {
    await removeStaged(staged);
  }
}

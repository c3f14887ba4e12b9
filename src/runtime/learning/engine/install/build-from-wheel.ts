import { existsSync, globSync } from 'node:fs';
import { readFile, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { flError } from '../../../base/errors/errors.ts';
import { makeFolder } from '../../../base/files/files.ts';
import type { Recipe } from './recipe.ts';
import { runProcess } from './run-process.ts';
import { findToolchain, type Toolchain } from './toolchain.ts';

/** Libraries of the wheel, and the names under which the linker looks for them. */
const LIBRARIES = [
  ['libtensorflow_cc.so.2', 'libtensorflow.so'],
  ['libtensorflow_framework.so.2', 'libtensorflow_framework.so'],
] as const;
const HEADERS = ['include/tensorflow/c/c_api.h', 'include/tensorflow/c/eager/c_api.h'] as const;

const packageSchema = z.object({ binary: z.object({ napi_versions: z.array(z.int()).nonempty() }) });

/**
 * Builds the package's sources, as they are, against the libtensorflow inside PyPI's wheel. The result links to the
 * wheel's files, which stay where they are.
 *
 * @param sitePackages folder with the wheel's `tensorflow/` in it
 * @throws NF_ENGINE_INSTALL_PLATFORM, NF_ENGINE_INSTALL_WHEEL, NF_ENGINE_INSTALL_TOOLS; the recipe NF_ENGINE_INSTALL_BUILD
 */
export function buildFromWheel(sitePackages: string): Recipe {
  if (process.platform !== 'linux') {
    throw flError('NF_ENGINE_INSTALL_PLATFORM', { platform: process.platform });
  }
  const wheel = checkWheel(resolve(sitePackages));
  const toolchain = findToolchain();
  return async ({ staged, signal, tell }) => {
    await linkWheel(wheel, staged);
    tell("Compiling TensorFlow's binding (seconds to a minute) ...");
    await compile(staged, toolchain, signal);
  };
}

function checkWheel(sitePackages: string): string {
  const wheel = join(sitePackages, 'tensorflow');
  const wanted = [...HEADERS, ...LIBRARIES.map(([name]) => name)];
  const missing = wanted.filter((path) => !existsSync(join(wheel, path)));
  if (missing.length === 0) return wheel;
  const named = existsSync(wheel) ? missing.map((path) => join('tensorflow', path)) : ['folder tensorflow'];
  const files = named.join(', ');
  const meant = nearWheel(sitePackages);
  throw flError('NF_ENGINE_INSTALL_WHEEL', { files, meant }, { place: { file: sitePackages } });
}

/** For those who name the virtual environment, or the wheel's own folder. */
function nearWheel(folder: string): string {
  const [below] = globSync('lib/python*/site-packages/tensorflow', { cwd: folder });
  if (below !== undefined) return ` Did you mean ${dirname(join(folder, below))}?`;
  return existsSync(join(folder, 'libtensorflow_cc.so.2')) ? ` Did you mean ${dirname(folder)}?` : '';
}

/** Lays the wheel's headers and libraries out as the package's own download does. */
async function linkWheel(wheel: string, staged: string): Promise<void> {
  const libraries = join(staged, 'deps/lib');
  await makeFolder(libraries);
  await symlink(join(wheel, 'include'), join(staged, 'deps/include'));
  for (const [name, linkerName] of LIBRARIES) {
    await symlink(join(wheel, name), join(libraries, name));
    await symlink(name, join(libraries, linkerName));
  }
}

async function compile(staged: string, { nodeGyp, nodeFolder }: Toolchain, signal: AbortSignal) {
  const napi = await napiVersion(staged);
  const target = join(staged, 'lib', `napi-v${napi}`);
  const args = [
    ...[nodeGyp, 'rebuild', '--jobs=max', `--nodedir=${nodeFolder}`],
    ...['--module_name=tfjs_binding', `--module=${join(target, 'tfjs_binding.node')}`],
    ...[`--module_path=${target}`, `--napi_build_version=${napi}`, `--napi_version=${napi}`],
    `--node_napi_label=napi-v${napi}`,
  ];
  const { code, output } = await runProcess(process.execPath, args, { cwd: staged, signal });
  if (code !== 0) throw flError('NF_ENGINE_INSTALL_BUILD', { reason: reasonIn(output) }, { cause: output });
}

/** The newest version of Node-API that the package and this Node.js both know; the loader looks for that one. */
async function napiVersion(staged: string): Promise<number> {
  const text = await readFile(join(staged, 'package.json'), 'utf8');
  const { napi_versions: versions } = packageSchema.parse(JSON.parse(text)).binary;
  return Math.max(...versions.filter((version) => version <= Number(process.versions.napi)));
}

function reasonIn(output: string): string {
  const lines = output.split('\n').map((line) => line.trim());
  const found =
    lines.find((line) => /\berror: /.test(line)) ?? lines.find((line) => line.includes('gyp ERR! stack'));
  return found?.replace('gyp ERR! stack ', '').replace(/^Error: /, '') ?? lines.at(-1) ?? '';
}

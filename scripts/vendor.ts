// Copies into dist/vendor what Node.js loads of ONNX Runtime's packages, for `npm pack`: whoever installs neuroflare then has the native engine
// without an install script, without a host beside the registry, and without 190 MB of bundles for browsers and second copies.
//   usage: node scripts/vendor.ts [PACKAGE ...]     default: all
import { cpSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** By package: what is left out. */
const LEFT_OUT: Record<string, (path: string) => boolean> = {
  // The binding links to libonnxruntime.1.dylib; the other name is a second copy.
  'onnxruntime-node': (path) =>
    /\/(script|lib|node_modules)(\/|$)/.test(path) ||
    /\.(map|d\.ts)$/.test(path) ||
    /\.1\.\d+\.\d+\.dylib$/.test(path),
  'onnxruntime-web': (path) =>
    /\/(lib|docs|node_modules)(\/|$)/.test(path) ||
    (/\/dist\/./.test(path) && !WEB.has(basename(path))) ||
    path.endsWith('.d.ts'),
};
/** Of onnxruntime-web's bundles the one that Node.js imports, and what that loads. */
const WEB = new Set(['ort.node.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm']);

export const CARRIED: readonly string[] = Object.keys(LEFT_OUT);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const asked = process.argv.slice(2);
  for (const name of asked.length > 0 ? asked : CARRIED) carry(name);
}

/** The copy appears whole: a command that runs meanwhile takes it or the installed package. */
function carry(name: string): void {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const isLeftOut = LEFT_OUT[name];
  if (!isLeftOut) throw new Error(`${name} is not carried: ${CARRIED.join(', ')}`);
  const source = join(root, 'node_modules', name);
  const target = join(root, 'dist/vendor', name);
  const partial = `${target}.partial`;
  rmSync(partial, { recursive: true, force: true });
  const filter = (path: string) => !isLeftOut(path.slice(source.length));
  cpSync(source, partial, { recursive: true, filter });
  cpSync(join(root, 'scripts/onnxruntime-licence.txt'), join(partial, 'LICENSE'));
  rmSync(target, { recursive: true, force: true });
  renameSync(partial, target);
}

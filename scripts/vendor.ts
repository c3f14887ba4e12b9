// Copies into dist/vendor, for `npm pack`, what Node.js loads of ONNX Runtime's packages and the one script of NiiVue that a page loads: whoever
// installs neuroflare then has the native engine without an install script, without a host beside the registry, and without 190 MB of bundles for
// browsers and second copies; and the viewer without 30 MB of sources and of packages that are inside its script already.
//   usage: node scripts/vendor.ts [PACKAGE ...]     default: all
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
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
  '@niivue/niivue': (path) => !/^(\/package\.json|\/dist(\/niivue\.umd\.js)?|)$/.test(path),
  uplot: (path) => !/^(\/package\.json|\/dist(\/uPlot\.(iife\.min\.js|min\.css))?|)$/.test(path),
  htm: (path) => !/^(\/package\.json|\/preact(\/standalone\.module\.js)?|)$/.test(path),
};
/** Licences that packages lack, theirs or that of what is inside their scripts, by files beside this one. */
const LICENCES: Record<string, string> = {
  'onnxruntime-node': 'onnxruntime-licence.txt',
  'onnxruntime-web': 'onnxruntime-licence.txt',
  '@niivue/niivue': 'niivue-licence.txt',
  htm: 'preact-licence.txt',
};
/** Of onnxruntime-web's bundles the one that Node.js imports, and what that loads. */
const WEB = new Set(['ort.node.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm']);

export const CARRIED: readonly string[] = Object.keys(LEFT_OUT);

/** Packages that a carried one was bundled with, by the lock file: what it needs, and what that needs. Those of ONNX Runtime are on their own. */
export function insideOf(root: string, name: string): string[] {
  if (name.startsWith('onnxruntime')) return [];
  const { packages }: { packages: Record<string, { dependencies?: object }> } = JSON.parse(
    readFileSync(join(root, 'package-lock.json'), 'utf8'),
  );
  const found = new Set<string>([name]);
  for (const one of found)
    for (const other of Object.keys(packages[`node_modules/${one}`]?.dependencies ?? {})) found.add(other);
  found.delete(name);
  return [...found].sort();
}

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
  mkdirSync(dirname(target), { recursive: true });
  rmSync(partial, { recursive: true, force: true });
  const filter = (path: string) => !isLeftOut(path.slice(source.length));
  cpSync(source, partial, { recursive: true, filter });
  writeFileSync(join(partial, 'LICENSE'), licencesOf(root, name));
  rmSync(target, { recursive: true, force: true });
  renameSync(partial, target);
}

/** Its own licence, and those of the packages inside its script. */
function licencesOf(root: string, name: string): string {
  const kept = LICENCES[name];
  const added = kept === undefined ? [] : [readFileSync(join(root, 'scripts', kept), 'utf8').trim()];
  const own = licenceIn(root, name);
  const inside = insideOf(root, name).map((other) => {
    const text = licenceIn(root, other);
    if (text === undefined) throw new Error(`${other} has no licence`);
    return `${other}\n\n${text}`;
  });
  if (own === undefined && kept === undefined) throw new Error(`${name} has no licence`);
  return `${[...(own === undefined ? [] : [own]), ...added, ...inside].join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

function licenceIn(root: string, name: string): string | undefined {
  const folder = join(root, 'node_modules', name);
  const file = readdirSync(folder).find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
  return file === undefined ? undefined : readFileSync(join(folder, file), 'utf8').trim();
}

import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve, sep } from 'node:path';
import { isThere } from '../../../base/files/is-there.ts';
import { denied } from './close-process.ts';
import { bare, call, define } from './lock.ts';
import { tameOnnxruntime, tameSharp, tameTensorflow } from './tame.ts';

/** Takes from what a native library offers all that reaches past JavaScript's walls. */
type Tame = (library: Record<string, unknown>) => void;

/** The native libraries of neuroflare itself: packages, and how each is kept to memory. */
const LIBRARIES: readonly (readonly [name: string, tame: Tame])[] = [
  ['onnxruntime-node', tameOnnxruntime],
  ['sharp', tameSharp],
  ['@tensorflow/tfjs-node-gpu', tameTensorflow],
  ['@tensorflow/tfjs-node', tameTensorflow],
];

/**
 * From now on this process loads no native code but the libraries of neuroflare, and these only without what opens files by
 * name: a script that imports them, by whatever path, gets the same.
 */
export function closeNative(): void {
  const load = process.dlopen;
  const known = LIBRARIES.flatMap(([name, tame]) => foldersOf(name).map((folder) => ({ folder, tame })));
  define(process, 'dlopen', (module: unknown, path: unknown, ...flags: unknown[]) => {
    const whole = typeof path === 'string' ? absolute(path) : '';
    const tame = tameOf(known, whole);
    if (!tame || typeof module !== 'object' || module === null) return denied('native code')();
    // In a box of our own: the script's could hand on what is not tamed yet.
    const library = bare();
    call(load, process, [{ exports: library }, whole, ...flags]);
    tame(library);
    define(module, 'exports', library);
  });
}

function tameOf(known: readonly { folder: string; tame: Tame }[], whole: string): Tame | undefined {
  for (let at = 0; at < known.length; at++) {
    const one = known[at];
    if (one && call(startsWith, whole, [one.folder]) === true) return one.tame;
  }
  return undefined;
}

const absolute = resolve;
const { startsWith } = String.prototype;

/** Where a package's native parts lie; sharp's are packages beside it. */
function foldersOf(name: string): string[] {
  const places = createRequire(import.meta.url).resolve.paths(name) ?? [];
  const found = places.map((place) => join(place, name)).find(isThere);
  if (found === undefined) return [];
  const folder = realpathSync(found);
  return [`${folder}${sep}`, ...(name === 'sharp' ? [`${join(dirname(folder), '@img')}${sep}`] : [])];
}

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { plainFile } from './plain-file.ts';

/** What dcm2niix made of a series: files by their names, such as `out.nii`, `out_e2.json`, `out.bval`. */
export type ConvertedFiles = readonly { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }[];

/** What is used of the module that Emscripten made of dcm2niix. */
interface Dcm2niix {
  readonly FS: {
    mkdir(path: string): void;
    writeFile(path: string, bytes: Uint8Array, options: { canOwn: boolean }): void;
    readFile(path: string): Uint8Array<ArrayBuffer>;
    readdir(path: string): string[];
  };
  callMain(args: readonly string[]): number;
}
type Begin = (options: {
  noInitialRun: boolean;
  print: (line: string) => void;
  printErr: (line: string) => void;
  /** Resolves with what `done` returns. */
  instantiateWasm(imports: object, done: (instance: object) => object): Promise<object>;
}) => Promise<Dcm2niix>;

/** The types of Node.js lack it. */
interface WebAssemblyApi {
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(code: object, imports: object): Promise<object>;
}
const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyApi };

/** The variant that reads JPEG-LS and JPEG 2000 too; it is compiled once a thread and begun anew for each series. */
async function load(): Promise<{ begin: Begin; code: object }> {
  const base = import.meta.resolve('@niivue/dcm2niix');
  const { default: begin } = (await import(new URL('dcm2niix.jpeg.js', base).href)) as { default: Begin };
  return { begin, code: await WebAssembly.compile(await readFile(new URL('dcm2niix.jpeg.wasm', base))) };
}

let loaded: ReturnType<typeof load> | undefined;

/**
 * Converts the files of one series in memory of their own. Nothing of their names reaches the converter, and what it prints is not kept:
 * it may name a patient.
 * @returns undefined where it fails
 */
export async function convertFiles(paths: readonly string[]): Promise<ConvertedFiles | undefined> {
  loaded ??= load();
  const { begin, code } = await loaded;
  const silent = () => undefined;
  const converter = await begin({
    noInitialRun: true,
    print: silent,
    printErr: silent,
    instantiateWasm: async (imports, done) => done(await WebAssembly.instantiate(code, imports)),
  });
  const { FS } = converter;
  FS.mkdir('/in');
  FS.mkdir('/out');
  for (const [index, path] of paths.entries()) {
    const bytes = tryPlain(readFileSync(path));
    if (!bytes) return undefined;
    FS.writeFile(`/in/${String(index).padStart(6, '0')}.dcm`, bytes, { canOwn: true });
  }
  const status = run(converter);
  if (status !== 0) return undefined;
  const names = FS.readdir('/out').filter((name) => !name.startsWith('.'));
  return names.sort().map((name) => ({ name, bytes: FS.readFile(`/out/${name}`) }));
}

/** Undefined for a file that is damaged. */
function tryPlain(file: Uint8Array): Uint8Array | undefined {
  try {
    return plainFile(file);
  } catch {
    return undefined;
  }
}

/** Uncompressed; sidecars as for BIDS, with what dcm2niix takes for private left out. */
function run(converter: Dcm2niix): number {
  try {
    return converter.callMain(['-z', 'n', '-b', 'y', '-ba', 'y', '-f', 'out', '-o', '/out', '/in']);
  } catch {
    // A trap, or an `exit` within: whatever it was, there is no result to trust.
    return -1;
  }
}

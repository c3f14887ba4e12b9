import { flError } from '../base/errors/errors.ts';
import type { Bundle } from './bundle.ts';

interface Format {
  readonly type: string;
  /** How it begins, one character a byte. */
  readonly begins: RegExp;
  /** Ends of names that promise it, without the dot. */
  readonly names?: RegExp;
}

/**
 * What no job needs: what a computer runs without anybody having read it, and what hides files in a file. From the specifications of the
 * formats, and `file(1)`. Short beginnings are looked at together with what must follow, so that numbers of a model are not taken for one.
 */
const REFUSED: readonly Format[] = [
  {
    type: 'a program or native code (ELF)',
    begins: /^\x7fELF/,
    names: /^(node|so(\.\d+)*|o|ko|elf|appimage)$/,
  },
  {
    type: 'a program or native code (Mach-O)',
    begins: /^(\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe|\xca\xfe\xba[\xbe\xbf]|[\xbe\xbf]\xba\xfe\xca)/,
    names: /^(dylib|bundle)$/,
  },
  { type: 'a program or native code (PE)', begins: /^(?!)/, names: /^(exe|dll|com|sys|scr|msi|bat|cmd)$/ },
  { type: 'WebAssembly', begins: /^\0asm/, names: /^wasm$/ },
  {
    type: 'compiled code (LLVM, Dalvik, Java, Python)',
    begins: /^(BC\xc0\xde|\xde\xc0\x17\x0b|dex\n0)/,
    names: /^(bc|dex|class|pyc)$/,
  },
  {
    type: 'an archive (zip)',
    begins: /^PK(\x03\x04|\x05\x06|\x07\x08)/,
    names: /^(zip|jar|whl|egg|npz|apk)$/,
  },
  { type: 'an archive (gzip)', begins: /^\x1f\x8b\x08[\0-\x1f]/, names: /^(gz|tgz)$/ },
  { type: 'an archive (xz)', begins: /^\xfd7zXZ\0/, names: /^(xz|txz|lzma)$/ },
  { type: 'an archive (bzip2)', begins: /^BZh[1-9](1AY&SY|\x17rE8P\x90)/, names: /^(bz2|tbz2?)$/ },
  { type: 'an archive (zstd)', begins: /^\x28\xb5\x2f\xfd/, names: /^(zst|tzst)$/ },
  { type: 'an archive (lz4)', begins: /^\x04"M\x18/, names: /^lz4$/ },
  { type: 'an archive (lzip)', begins: /^LZIP[\0\x01]/, names: /^lz$/ },
  { type: 'an archive (compress)', begins: /^\x1f\x9d[\x80-\x90]/, names: /^z$/ },
  { type: 'an archive (7z)', begins: /^7z\xbc\xaf\x27\x1c/, names: /^7z$/ },
  { type: 'an archive (rar)', begins: /^Rar!\x1a\x07/, names: /^rar$/ },
  { type: 'an archive (tar)', begins: /^[\s\S]{257}ustar[\0 ]/, names: /^tar$/ },
  { type: 'an archive (cab)', begins: /^MSCF\0{4}/, names: /^cab$/ },
  { type: 'an archive (cpio)', begins: /^07070[127][\dA-Fa-f]{64}/, names: /^(cpio|asar|br)$/ },
  { type: 'an archive (ar)', begins: /^!<arch>\n/, names: /^(a|lib|deb|rpm)$/ },
];
/** Bytes that tell. */
const HEAD_BYTES = 512;
/** A comment of a zip file has up to 65,535 bytes and stands at its end. */
const ZIP_TAIL_BYTES = 65_535 + 22;
const ZIP_END = Buffer.from('PK\x05\x06', 'latin1');
const INTERPRETER = /^#![ \t]*([\x21-\x7e][^\r\n]*)/;
/** It says no more than the name: Node.js runs it. */
const OF_NODE = /^\S*\/(env(\s+-S)?\s+)?node(\s|$)/;
const NODE_RUNS = /\.([cm]?[jt]s|[jt]sx)$/i;

/** Programs, native code, WebAssembly and archives: by what the file holds, whatever its name is, and by its name; undefined for others. */
export function refusedType(path: string, bytes: Uint8Array): string | undefined {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = all.toString('latin1', 0, HEAD_BYTES);
  const found = REFUSED.find(({ begins }) => begins.test(head));
  if (found) return found.type;
  if (isPortableExecutable(all)) return 'a program or native code (PE)';
  if (endsAsZip(all)) return 'an archive (zip)';
  const interpreter = INTERPRETER.exec(head)?.[1]?.trim();
  if (interpreter !== undefined && !(NODE_RUNS.test(path) && OF_NODE.test(interpreter)))
    return `a program for ${interpreter.slice(0, 40)}`;
  const ending = endingOf(path);
  const named = REFUSED.find(({ names }) => names?.test(ending));
  return named && `${named.type}, by its name`;
}

/** @throws NF_JOB_FILE_TYPE with the first file that a job may not hold */
export function requireReadable({ files }: Bundle, placeOf: (path: string) => string): void {
  for (const { path, bytes } of files) {
    const type = refusedType(path, bytes);
    if (type !== undefined)
      throw flError('NF_JOB_FILE_TYPE', { path, type }, { place: { file: placeOf(path) } });
  }
}

/** Behind the last dot, of `x.so.1.2` `so.1.2`. */
function endingOf(path: string): string {
  return (/\.([^./]+(?:\.\d+)*)$/.exec(path)?.[1] ?? '').toLowerCase();
}

/** Two letters alone also begin models: the place that they name must hold the second signature (Microsoft, "PE Format"). */
function isPortableExecutable(all: Buffer): boolean {
  if (all.length < 0x40 || all.toString('latin1', 0, 2) !== 'MZ') return false;
  const at = all.readUInt32LE(0x3c);
  return /^(PE\0\0|NE|LE|LX)/.test(all.toString('latin1', at, at + 4));
}

/** A zip file is read from its end: anything may stand before it (PKWARE, APPNOTE.TXT, 4.3.16). */
function endsAsZip(all: Buffer): boolean {
  const tail = all.subarray(Math.max(0, all.length - ZIP_TAIL_BYTES));
  for (let at = tail.indexOf(ZIP_END); at !== -1; at = tail.indexOf(ZIP_END, at + 1))
    if (at + 22 <= tail.length && at + 22 + tail.readUInt16LE(at + 20) === tail.length) return true;
  return false;
}

import { open, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DTYPES, type ParamSet } from '../../../src/runtime/base/tensors/nd-array.ts';
import { encodeSafetensors } from '../../../src/runtime/base/tensors/safetensors.ts';
import { readBundle } from '../../../src/runtime/job/bundle.ts';
import { refusedType } from '../../../src/runtime/job/file-type.ts';

const latin1 = (text: string) => Buffer.from(text, 'latin1');
const NAMES = [
  'client/data.bin',
  'client/train.ts',
  'notes.txt',
  'm/weights.safetensors',
  'client/zones.json',
  'x',
];
const pe = (second = 'PE\0\0') => {
  const bytes = Buffer.alloc(256);
  bytes.write('MZ', 'latin1');
  bytes.writeUInt32LE(0x80, 0x3c);
  bytes.write(second, 0x80, 'latin1');
  return bytes;
};
const zipEnd = (comment = '') => {
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([end, latin1(comment)]);
};
const tar = Buffer.alloc(1024);
tar.write('a.txt', 0, 'latin1');
tar.write('ustar\x0000', 257, 'latin1');

describe('a file that no job needs', () => {
  it.each<[string, Uint8Array]>([
    ['ELF', latin1('\x7fELF\x02\x01\x01')],
    ['Mach-O', latin1('\xcf\xfa\xed\xfe\x07')],
    ['Mach-O', latin1('\xfe\xed\xfa\xce')],
    ['Mach-O', latin1('\xca\xfe\xba\xbe\0\0\0\x02')],
    ['PE', pe()],
    ['WebAssembly', latin1('\0asm\x01\0\0\0')],
    ['LLVM', latin1('BC\xc0\xde')],
    ['zip', latin1('PK\x03\x04\x14')],
    ['zip', zipEnd()],
    ['zip', Buffer.concat([latin1('const harmless = 1;\n'), zipEnd('and a comment')])],
    ['gzip', gzipSync('x')],
    ['zstd', zstdCompressSync('x')],
    ['xz', latin1('\xfd7zXZ\0\0\x04')],
    ['bzip2', latin1('BZh91AY&SY')],
    ['7z', latin1('7z\xbc\xaf\x27\x1c\0\x04')],
    ['rar', latin1('Rar!\x1a\x07\x01\0')],
    ['tar', tar],
    ['cpio', latin1(`070701${'0'.repeat(104)}`)],
    ['ar', latin1('!<arch>\n')],
    ['/bin/sh', latin1('#!/bin/sh\nrm -rf /\n')],
    ['/usr/bin/env python3', latin1('#! /usr/bin/env python3\n')],
    ['/usr/bin/env nodejs-evil', latin1('#!/usr/bin/env nodejs-evil\n')],
  ])('is known as %s by what it holds, whatever it is called', (kind, bytes) => {
    for (const name of NAMES) expect(refusedType(name, bytes), name).toContain(kind);
  });

  it('is the program that runs this test, and the native code beside it', async () => {
    const head = Buffer.alloc(4096);
    const file = await open(process.execPath, 'r');
    await file.read(head, 0, head.length, 0);
    await file.close();
    expect(refusedType('client/data.bin', head)).toMatch(/^a program or native code \((ELF|Mach-O|PE)\)$/);
  });

  it.each([
    ['build/Release/x.node', 'ELF'],
    ['x.so', 'ELF'],
    ['libx.so.1.2', 'ELF'],
    ['X.DLL', 'PE'],
    ['x.dylib', 'Mach-O'],
    ['x.wasm', 'WebAssembly'],
    ['x.zip', 'zip'],
    ['scans.nii.gz', 'gzip'],
    ['x.tar', 'tar'],
  ])('is %s by its name', (path, kind) => {
    expect(refusedType(path, latin1('text'))).toContain(`${kind})`.replace('WebAssembly)', 'WebAssembly'));
  });

  it('has a name alone where the format has no beginning of its own', () => {
    expect(refusedType('code.br', brotliCompressSync('x'))).toContain('by its name');
  });
});

describe('a file of a job', () => {
  it.each([
    ['client/train.ts', 'export const answer = 42;\n'],
    ['client/train.js', '#!/usr/bin/env node\nexport {};\n'],
    ['client/train.mts', '#!/usr/bin/env -S node --no-warnings\nexport {};\n'],
    ['zones.json', '{}'],
    ['notes.txt', 'PK is how zip files begin: PK\x03\x04, and MZ is how programs do.'],
    ['data.csv', 'MZ,1\nBZh,2\n'],
    ['table.so-called', 'x'],
    ['node', 'x'],
    ['empty.txt', ''],
  ])('is %s', (path, text) => {
    expect(refusedType(path, latin1(text))).toBeUndefined();
  });

  it('is a model of any numbers', () => {
    const names = fc.string({ minLength: 1, maxLength: 40 }).filter((name) => name !== '__metadata__');
    fc.assert(
      fc.property(names, fc.array(fc.float({ noNaN: true }), { maxLength: 50 }), (name, numbers) => {
        const data = DTYPES.float32.from(numbers);
        const params: ParamSet = { [name]: { dtype: 'float32', shape: [numbers.length], data } };
        expect(refusedType('model.safetensors', encodeSafetensors(params))).toBeUndefined();
      }),
      { numRuns: 200, seed: 4 },
    );
  });

  it('is a model whose header has as many bytes as the letters of a program are worth', () => {
    for (const [first, second] of ['MZ', '#!', 'BZ', 'PK']) {
      const length = ((second ?? '').charCodeAt(0) << 8) | (first ?? '').charCodeAt(0);
      const bytes = Buffer.alloc(8 + length, ' ');
      bytes.writeBigUInt64LE(BigInt(length));
      bytes.write('{}', 8);
      expect(refusedType('m.safetensors', bytes)).toBeUndefined();
    }
  });

  it.each(['hello-fedavg-numpy', 'mri-fedavg', 'mri-secagg-fedavg'])(
    'is each one of the template %s',
    async (name) => {
      const folder = fileURLToPath(new URL(`../../../templates/${name}`, import.meta.url));
      for (const { path, bytes } of (await readBundle(folder)).files)
        expect(refusedType(path, bytes), path).toBeUndefined();
      expect(await readFile(`${folder}/job.yaml`)).toBeDefined();
    },
  );
});

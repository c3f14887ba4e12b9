import { readFile } from 'node:fs/promises';
import { join, posix, win32 } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NeuroflareError } from '../../../src/runtime/base/errors/errors.ts';
import { bundleOf, readBundle, writeBundle } from '../../../src/runtime/job/bundle.ts';
import { packedBundle } from '../../../src/runtime/network/messages/shapes.ts';
import { packBundle, unpackBundle } from '../../../src/runtime/network/packed-bundle.ts';
import { writeJob } from '../../support/job-folder.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const bytes = new TextEncoder().encode('x');
const job = { path: 'job.yaml', bytes };
const withPaths = (...paths: string[]) => bundleOf([job, ...paths.map((path) => ({ path, bytes }))]);
const refused = (reason: string) =>
  expect.objectContaining({
    code: 'NF_JOB_BUNDLE',
    exitCode: 4,
    message: expect.stringContaining(reason),
  });
const faultOf = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
};

const ESCAPES = [
  '..',
  '../x',
  'a/../x',
  'a/../../x',
  'a/..',
  '/etc/passwd',
  '//server/share',
  '\\\\server\\share',
  '..\\x',
  'a\\..\\..\\x',
  'a\\b',
  'C:',
  'C:x',
  'C:\\x',
  'c:/x',
  'x:stream',
  'file:///etc/passwd',
  '',
  '/',
  'a/',
  '/a',
  'a//b',
  '.',
  './x',
  'a/./b',
];
const ODD = [
  ...[
    'con',
    'CON',
    'nul',
    'Aux',
    'prn',
    'com1',
    'LPT9',
    'con.txt',
    'a/nul.ts',
    'com1.x.y',
    'CONIN$',
    'conout$',
  ],
  ...['COM¹', 'lpt².txt'],
  ...['a\u0000b', 'a\nb', '\u001b[2J', 'a\u007f', 'a\u009b', '\ud800', 'a\udfffb'],
  ...['a<b', 'a>b', 'a"b', 'a|b', 'a?b', 'a*b', 'a.', 'a ', 'a. ', 'dir./x', 'dir /x', '...', ' '],
];
const LEFT_OUT = [
  'README.md',
  'a/b.md',
  'tsconfig.json',
  '.git/config',
  'a/.env',
  'node_modules/x.js',
  'a/node_modules/b',
];

describe('a bundle from elsewhere', () => {
  it.each(ESCAPES)('refuses a path that leads out: %j', (path) => {
    expect(faultOf(() => withPaths(path))).toEqual(refused('is no plain path inside a folder'));
  });

  it.each(ODD)('refuses a path that means something else on some system: %j', (path) => {
    expect(faultOf(() => withPaths(path))).toEqual(refused('is no plain path inside a folder'));
  });

  it.each(LEFT_OUT)('refuses what no bundle holds: %j', (path) => {
    expect(faultOf(() => withPaths(path))).toEqual(refused('is no plain path inside a folder'));
  });

  it.each([
    'a',
    'a/b/c.ts',
    'ä/日本.ts',
    'a b/c',
    "a'b",
    'a..b',
    'console.ts',
    'com.ts',
    'com10',
    'nullable',
    'a~1',
    'x'.repeat(200),
  ])('takes %j', (path) => {
    expect(withPaths(path).files.map((file) => file.path)).toContain(path);
  });

  it.each([
    [['a', 'a']],
    [['a.ts', 'A.TS']],
    [['client/Train.ts', 'CLIENT/train.ts']],
    [['JOB.yaml']],
    [['ä', 'Ä']],
    [['\u00e9', 'e\u0301']],
    [['ﬁ/x', 'ﬁ/X']],
  ])('refuses twins: %j', (paths) => {
    expect(faultOf(() => withPaths(...paths))).toEqual(refused('is there twice'));
  });

  it.each([[['a', 'a/b']], [['a/b', 'a']], [['A', 'a/b/c']], [['a/b/c', 'a/B']], [['job.yaml/x']]])(
    'refuses a file that is a folder, too: %j',
    (paths) => {
      expect(faultOf(() => withPaths(...paths))).toEqual(refused('is a file and a folder'));
    },
  );

  it('refuses one without job.yaml, in just this spelling and place', () => {
    for (const path of ['job.yml', 'a/job.yaml', 'Job.yaml'])
      expect(faultOf(() => bundleOf([{ path, bytes }]))).toEqual(refused('it has no job.yaml'));
    expect(faultOf(() => bundleOf([]))).toEqual(refused('it has no job.yaml'));
  });

  it('takes 500 files and no more', () => {
    const paths = (count: number) => Array.from({ length: count }, (_, index) => `f${index}`);
    expect(withPaths(...paths(499)).files).toHaveLength(500);
    expect(faultOf(() => withPaths(...paths(500)))).toEqual(refused('more than 500 files'));
  });

  it('takes 20 MB in all and no more', () => {
    const sized = (...sizes: number[]) =>
      bundleOf([job, ...sizes.map((size, index) => ({ path: `f${index}`, bytes: new Uint8Array(size) }))]);
    expect(sized(10_000_000, 9_999_999).files).toHaveLength(3);
    expect(faultOf(() => sized(10_000_000, 10_000_000))).toEqual(refused('more than 20 MB'));
  });

  it('is the bundle of the folder it was made of', async () => {
    const folder = await writeJob(join(root, 'job'), {
      files: { 'data/zones.json': '{}', 'README.md': 'x' },
    });
    const read = await readBundle(folder);
    const again = bundleOf([...read.files].reverse());
    expect(again).toEqual(read);
  });

  it('has the same code with other values, and other code with another script', () => {
    const of = (yaml: string, script: string) =>
      bundleOf([
        { path: 'job.yaml', bytes: Buffer.from(yaml) },
        { path: 'train.ts', bytes: Buffer.from(script) },
      ]);
    expect(of('a', 'x').codeSha256).toBe(of('b', 'x').codeSha256);
    expect(of('a', 'x').sha256).not.toBe(of('b', 'x').sha256);
    expect(of('a', 'x').codeSha256).not.toBe(of('a', 'y').codeSha256);
  });
});

/** Paths made of what is dangerous in them. */
const part = fc.oneof(
  fc.constantFrom(
    '..',
    '.',
    '',
    'a',
    'A',
    'con',
    'nul.ts',
    'C:',
    'x ',
    'x.',
    '~',
    '\\',
    'job.yaml',
    '...',
    'COM1',
    '\\\\?\\',
  ),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
);
const anyPath = fc
  .array(part, { minLength: 1, maxLength: 4 })
  .chain((parts) => fc.constantFrom('/', '\\', '//').map((separator) => parts.join(separator)));

describe('any path that is accepted', () => {
  it('stays inside the folder, by the rules of POSIX and of Windows', () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        if (faultOf(() => withPaths(path)) instanceof NeuroflareError) return;
        expect(posix.resolve('/srv/job', path)).toBe(`/srv/job/${path}`);
        expect(win32.resolve('D:\\srv\\job', path)).toBe(`D:\\srv\\job\\${path.replaceAll('/', '\\')}`);
        expect(win32.isAbsolute(path) || posix.isAbsolute(path)).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  it('can be written, and is the same bundle then', async () => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(anyPath, { maxLength: 4 }), async (paths) => {
        const made = faultOf(() => withPaths(...paths)) ? withPaths('a/b') : withPaths(...paths);
        const folder = join(root, `written-${count++}`);
        await writeBundle(made, folder);
        expect((await readBundle(folder)).sha256).toBe(made.sha256);
      }),
      { numRuns: 40 },
    );
  });
});

describe('a packed bundle', () => {
  it('is unpacked as it was, and fits its message', async () => {
    const binary = Uint8Array.from({ length: 256 }, (_, index) => index);
    const folder = await writeJob(join(root, 'packed'), { files: { 'data.bin': binary, 'empty.txt': '' } });
    const bundle = await readBundle(folder);
    const packed = packBundle(bundle);
    expect(packedBundle.parse(JSON.parse(JSON.stringify(packed)))).toEqual(packed);
    expect(unpackBundle(packed)).toEqual(bundle);
    expect(await readFile(join(folder, 'data.bin'))).toEqual(Buffer.from(binary));
  });

  it('of any bytes is unpacked as it was', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 5 }), (contents) => {
        const bundle = bundleOf([
          job,
          ...contents.map((content, index) => ({ path: `f${index}`, bytes: content })),
        ]);
        const again = unpackBundle(packBundle(bundle));
        expect(again.sha256).toBe(bundle.sha256);
        expect(again.files.map((file) => [...file.bytes])).toEqual(
          bundle.files.map((file) => [...file.bytes]),
        );
      }),
    );
  });

  it.each(['../x', '/etc/passwd', 'C:\\x', 'a\u0000'])('is refused with the path %j', (path) => {
    const packed = { files: [{ path, content: '' }] };
    expect(faultOf(() => unpackBundle(packed))).toEqual(refused('no plain path'));
  });
});

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { NeuroflareError } from '../../../src/runtime/base/errors/errors.ts';
import { type Intake, openIntake } from '../../../src/runtime/federation/intake/intake.ts';
import { readBundle } from '../../../src/runtime/job/bundle.ts';
import { JOB_LIMITS } from '../../../src/runtime/job/limits.ts';
import { errorReport, type PackedBundle } from '../../../src/runtime/network/messages/shapes.ts';
import { packBundle } from '../../../src/runtime/network/packed-bundle.ts';
import { type JobParts, TINY_JOB, TINY_SCRIPT, writeJob } from '../../support/job-folder.ts';
import { jobTerms } from '../../support/job-terms.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
/** One for all, as a server has: what one job does to it no other one notices. */
const intake: Intake = openIntake();
let count = 0;

afterAll(() => intake.close());

const rules = { modelComesApart: false, mostModelBytes: 1e9 };
const newFolder = () => join(root, String(count++));
const load = (folder: string) => intake.run('load', { folder, rules });
const loadJobOf = async (parts: JobParts) => load(await writeJob(newFolder(), parts));
const bytesOf = (text: string) => new TextEncoder().encode(text);
const around = {
  terms: jobTerms(),
  signature: { algorithm: 'ECDSA-P256-SHA256', certificate: 'PEM', signature: 'c2ln' },
};
const unpack = (bundle: PackedBundle, places = { folder: newFolder(), keep: newFolder() }) =>
  intake.run('unpack', { body: bytesOf(JSON.stringify({ ...around, bundle })), ...places });
const refusalOf = (work: Promise<unknown>): Promise<NeuroflareError> =>
  work.then(
    () => Promise.reject(new Error('It was taken.')),
    (error: NeuroflareError) => error,
  );
const yaml = (text: string): JobParts => ({ files: { 'job.yaml': text } });
const job = stringify(TINY_JOB);
const args = (text: string) => job.replace(/args:\n {4}step: 1/, `args: ${text}`);

/** Code that a recursive parser goes too deep for. */
const DEEP: readonly (readonly [string, string])[] = [
  ['parentheses', `const z = ${'('.repeat(20_000)}1${')'.repeat(20_000)};`],
  ['lists', `const z = ${'['.repeat(20_000)}1${']'.repeat(20_000)};`],
  ['types', `let z: ${'A<'.repeat(20_000)}B${'>'.repeat(20_000)};`],
  ['signs', `const z = ${'!'.repeat(50_000)}1;`],
  ['functions', `const z = ${'a => '.repeat(20_000)}1;`],
  ['blocks', `${'{'.repeat(20_000)}${'}'.repeat(20_000)}`],
];

/** Definitions that are work without end, or too deep for what reads them. */
const HEAVY: readonly (readonly [string, JobParts, string, string])[] = [
  [
    'unknown keys',
    yaml(`${job}${Array.from({ length: 15_000 }, (_, i) => `zz${i}: 1`).join('\n')}\n`),
    'NF_JOB_INVALID',
    'and 14980 more',
  ],
  [
    'unknown keys of sites',
    yaml(
      `${job}sites:\n${Array.from({ length: 5_000 }, (_, i) => `  s${i}: {args: {}, x: 1}`).join('\n')}\n`,
    ),
    'NF_JOB_INVALID',
    'and 4980 more',
  ],
  ['one long key', yaml(`${job}${'k'.repeat(150_000)}: 1\n`), 'NF_JOB_YAML', '1024'],
  [
    'a long line',
    yaml(args(`{a: [${'1, '.repeat(50_000)}1], b: !!set {}}`).replace('num_rounds', 'num_round')),
    'NF_JOB_',
    'num_round',
  ],
  [
    'lists in lists',
    yaml(args(`${'['.repeat(90_000)}${']'.repeat(90_000)}`)),
    'NF_JOB_YAML',
    'more than 100 deep',
  ],
  [
    'maps in maps',
    yaml(args(`${'{a: '.repeat(30_000)}1${'}'.repeat(30_000)}`)),
    'NF_JOB_YAML',
    'more than 100 deep',
  ],
  ['open brackets', yaml(`${job}description: ${'{'.repeat(100_000)}`), 'NF_JOB_YAML', 'more than 100 deep'],
  ['dashes', yaml(`${job}description: \n  ${'- '.repeat(50_000)}x\n`), 'NF_JOB_YAML', 'more than 100 deep'],
  [
    'keys below keys',
    yaml(
      `${job}description:\n${Array.from({ length: 600 }, (_, i) => `${' '.repeat(i + 1)}a:`).join('\n')}\n`,
    ),
    'NF_JOB_YAML',
    'more than 100 deep',
  ],
  [
    'much text',
    yaml(`${job}# ${'x'.repeat(JOB_LIMITS.definition.most)}\n`),
    'NF_JOB_YAML',
    'more than 200000',
  ],
  [
    'a long script',
    { script: `${TINY_SCRIPT}\n// ${'x'.repeat(JOB_LIMITS.script.most)}` },
    'NF_JOB_BUNDLE',
    'a script has',
  ],
  [
    'many scripts',
    {
      files: Object.fromEntries(
        Array.from({ length: 400 }, (_, i) => [`m/f${i}.ts`, `// ${'x'.repeat(15_000)}`]),
      ),
    },
    'NF_JOB_BUNDLE',
    'together',
  ],
  ['a hidden turn in code', { script: `const a = 1; // \u202e rof\n` }, 'NF_JOB_SCRIPT_HIDDEN', 'U+202E'],
  [
    'a large model',
    { patch: { model: { initial_params: { w: { shape: [400_000_000], data: 1 } } } } },
    'NF_JOB_MODEL_SIZE',
    '1600000000',
  ],
];

/** What people cannot read. */
const UNREADABLE: readonly (readonly [string, Uint8Array, string])[] = [
  ['client/fast.node', Buffer.from('text'), 'native code (ELF), by its name'],
  ['client/data.bin', Buffer.from('\x7fELF\x02', 'latin1'), 'native code (ELF)'],
  ['client/more.ts', Buffer.from('\0asm\x01\0\0\0', 'latin1'), 'WebAssembly'],
  ['tool.txt', Buffer.from('#!/bin/sh\n'), 'a program for /bin/sh'],
  ['scans.dat', Buffer.from('PK\x03\x04', 'latin1'), 'an archive (zip)'],
];

describe('a job of others', () => {
  it('is read as it is written', async () => {
    const { value, definition } = await loadJobOf({});
    expect(value.name).toBe('tiny');
    expect(definition.executor.trainScript).toBe('client/train.ts');
  });

  it.each(DEEP)('with deep %s is refused, and the next one is taken', async (_, code) => {
    const error = await refusalOf(loadJobOf({ script: `${TINY_SCRIPT}\n${code}\n` }));
    expect(error).toMatchObject({ code: expect.stringMatching(/^NF_JOB_SCRIPT_SYNTAX$/), exitCode: 4 });
    expect((await loadJobOf({})).value.name).toBe('tiny');
  });

  it.each(HEAVY)('with %s is refused by name, in a report that travels', async (_, parts, code, says) => {
    const error = await refusalOf(loadJobOf(parts));
    expect(error).toMatchObject({
      code: expect.stringContaining(code),
      message: expect.stringContaining(says),
    });
    expect(errorReport.safeParse(error.report()).error).toBeUndefined();
    expect(JSON.stringify(error.report())).not.toContain(root);
  });

  it.each(UNREADABLE)('with %s is refused at the server, and at a site', async (path, bytes, type) => {
    const bundle = await readBundle(await writeJob(newFolder(), { files: { [path]: bytes } }));
    const [server, keep, site] = [newFolder(), newFolder(), newFolder()];
    await unpack(packBundle(bundle), { folder: server, keep });
    await intake.run('open', { file: keep, folder: site, signed: bundle.sha256 });
    for (const folder of [server, site]) {
      const error = await refusalOf(load(folder));
      expect(error).toMatchObject({ code: 'NF_JOB_FILE_TYPE', exitCode: 4, place: { file: path } });
      expect(error.message).toContain(`'${path}' of the job is `);
      expect(error.message).toContain(type);
    }
  });

  it('is given up when it takes too long, and the next one is not', async () => {
    const folder = await writeJob(newFolder(), { script: 'f(1);\n'.repeat(300_000) });
    const hasty = openIntake({ seconds: 0.001 });
    try {
      const error = await refusalOf(hasty.run('load', { folder, rules }));
      expect(error).toMatchObject({ code: 'NF_JOB_CHECK', message: expect.stringContaining('seconds') });
    } finally {
      await hasty.close();
    }
  });

  it('holds up nobody: one after the other is opened, and a wait can be given up', async () => {
    const folder = await writeJob(newFolder(), {});
    const stop = new AbortController();
    const first = load(folder);
    const second = intake.run('load', { folder, rules }, stop.signal);
    stop.abort(new Error('given up'));
    await expect(second).rejects.toThrow('given up');
    expect((await first).value.name).toBe('tiny');
    expect((await load(folder)).value.name).toBe('tiny');
  });

  it('is laid out with its digests, and opened only with the digest that was signed', async () => {
    const bundle = await readBundle(await writeJob(newFolder(), {}));
    const [at, keep] = [newFolder(), newFolder()];
    const unpacked = await unpack(packBundle(bundle), { folder: at, keep });
    const { sha256, codeSha256 } = bundle;
    expect(unpacked).toMatchObject({
      bundleSha256: sha256,
      codeSha256,
      packed: { size: (await readFile(keep)).length },
    });
    expect(await readBundle(at)).toEqual(bundle);
    const opened = newFolder();
    const wrong = intake.run('open', { file: keep, folder: opened, signed: '0'.repeat(64) });
    await expect(wrong).rejects.toMatchObject({ code: 'NF_JOB_SIGNATURE' });
    await expect(readFile(join(opened, 'job.yaml'))).rejects.toMatchObject({ code: 'ENOENT' });
    await intake.run('open', { file: keep, folder: opened, signed: sha256 });
    expect(await readBundle(opened)).toEqual(bundle);
  });

  it.each([
    '',
    '{',
    '[]',
    '{"files":[]}',
    `${'['.repeat(100_000)}`,
    `{"files":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
  ])('that is no bundle is refused: %#', async (text) => {
    const file = newFolder();
    await writeFile(file, text);
    const error = await refusalOf(intake.run('open', { file, folder: newFolder(), signed: '' }));
    expect(error.code).toBe('NF_JOB_BUNDLE');
  });
});

describe('the names of a bundle', () => {
  const withName = (path: string) => {
    const files = [
      { path: 'job.yaml', content: '' },
      { path, content: '' },
    ];
    return unpack({ files });
  };

  it.each([
    ['more bytes than a disk takes', '\u6f22'.repeat(250), 'bytes'],
    ['a folder of more bytes than a disk takes', `${'\u6f22'.repeat(80)}/a.ts`, 'bytes'],
    ['a long path', Array.from({ length: 20 }, () => '\u00e4'.repeat(20)).join('/'), 'bytes'],
    ['letters that turn around', 'client/\u202est.niart', '<U+202E>st.niart'],
    ['letters that isolate', 'a\u2066b.ts', 'U+2066'],
    ['letters that are not seen', 'train\u200b.ts', 'U+200B'],
    ['a mark of direction', 'train\u200e.ts', 'U+200E'],
    ['a line of its own', 'train\u2028.ts', 'U+2028'],
  ])('have not %s', async (_, path, says) => {
    const error = await refusalOf(withName(path));
    expect(error).toMatchObject({ code: 'NF_JOB_BUNDLE', message: expect.stringContaining(says) });
    expect(error.message).not.toMatch(/[\p{Cf}\p{Zl}]/u);
  });

  it('may be of any language', async () => {
    for (const name of [
      '\u6f22'.repeat(60),
      'stra\u00dfe.ts',
      '\u05e9\u05dc\u05d5\u05dd.ts',
      '\u0645\u0631\u062d\u0628\u0627/x.ts',
    ])
      await withName(name);
  });
});

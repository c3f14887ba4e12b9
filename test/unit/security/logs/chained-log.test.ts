import { appendFile, mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { canonicalJson, sha256 } from '../../../../src/runtime/base/digest.ts';
import { openKit } from '../../../../src/runtime/security/kit/open.ts';
import { isSignedInProject, logKey } from '../../../../src/runtime/security/log-key.ts';
import {
  copyChainedLog,
  type LogKey,
  openChainedLog,
  readChainedLog,
  type SignatureCheck,
  verifyChainedLog,
} from '../../../../src/runtime/security/logs/chained-log.ts';
import { makeFederation } from '../../../support/federation-kits.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

interface Line {
  readonly n: number;
  readonly text?: string | undefined;
}

const folder = tempFolder();
let path = '';
let head = '';
let count = 0;
let key: LogKey;
let foreign: LogKey;
let isSigned: SignatureCheck;

beforeAll(async () => {
  const [ours, theirs] = await Promise.all(
    ['ours', 'theirs'].map((name) => makeFederation(join(folder, name))),
  );
  const kit = await openKit(ours?.kit('hub') ?? '', 'server');
  key = logKey(kit);
  foreign = logKey(await openKit(theirs?.kit('hub') ?? '', 'server'));
  isSigned = isSignedInProject(kit.tls.ca);
});

beforeEach(() => {
  path = join(folder, `log-${count++}.jsonl`);
  head = `${path}.head`;
});

async function write(...numbers: number[]): Promise<void> {
  const log = await openChainedLog<Line>(path, key);
  for (const n of numbers) await log.append({ n });
  await log.close();
}

const verify = () => verifyChainedLog(path, isSigned);
const lines = async () => (await readFile(path, 'utf8')).split('\n').slice(0, -1);
const keep = (kept: readonly (string | undefined)[]) =>
  writeFile(path, kept.map((line) => `${line}\n`).join(''));
const numbers = async () => (await Array.fromAsync(readChainedLog(path))).map(({ n }) => n);

/** A line that fits its place in the chain, as whoever knows the format can make it. */
function forged(line: string | undefined, over: object): string {
  const { hash: _, ...content } = { ...JSON.parse(line ?? '{}'), ...over } as Record<string, unknown>;
  return JSON.stringify({ ...content, hash: sha256(canonicalJson(content)) });
}

describe('a chained log', () => {
  it('gives back what was appended, with number and time', async () => {
    await write(10, 20);
    const entries = await Array.fromAsync(readChainedLog(path));
    expect(entries).toMatchObject([
      { seq: 1, n: 10 },
      { seq: 2, n: 20 },
    ]);
    expect(await verify()).toEqual({
      entries: 2,
      first: entries[0]?.time,
      last: entries[1]?.time,
      findings: [],
    });
  });

  it('leaves out what is undefined', async () => {
    const log = await openChainedLog<Line>(path, key);
    await log.append({ n: 1, text: undefined });
    await log.close();
    expect((await lines())[0]).not.toContain('text');
    expect((await verify()).findings).toEqual([]);
  });

  it('is for its owner alone', async () => {
    await write(1);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(head)).mode & 0o777).toBe(0o600);
  });

  it('goes on where it stopped', async () => {
    await write(1, 2);
    await write();
    await write(3);
    expect(await numbers()).toEqual([1, 2, 3]);
    expect((await verify()).findings).toEqual([]);
  });

  it('has a line and its head on disk when append returns', async () => {
    const log = await openChainedLog<Line>(path, key);
    await log.append({ n: 1 });
    expect((await verify()).findings).toEqual([]);
    await log.close();
  });

  it('keeps the order of many appends that nobody awaits', async () => {
    const log = await openChainedLog<Line>(path, key);
    const many = Array.from({ length: 60 }, (_, n) => n);
    await Promise.all(many.map((n) => log.append({ n })));
    await log.close();
    expect(await numbers()).toEqual(many);
    expect((await verify()).findings).toEqual([]);
  });

  it('has all appends of before its close', async () => {
    const log = await openChainedLog<Line>(path, key);
    void log.append({ n: 1 });
    void log.append({ n: 2 });
    await log.close();
    expect(await numbers()).toEqual([1, 2]);
  });

  it('is verified and gone on with whatever its entries hold', async () => {
    const value = fc.dictionary(
      fc
        .string({ unit: 'binary' })
        .filter((name) => !['seq', 'time', 'previous', 'hash', '__proto__'].includes(name)),
      fc.jsonValue({ stringUnit: 'binary' }),
    );
    const log = await openChainedLog<object>(path, key);
    await fc.assert(
      fc.asyncProperty(value, (entry) => log.append(entry)),
      { numRuns: 40 },
    );
    await log.close();
    await write(1);
    expect(await verify()).toMatchObject({ entries: 41, findings: [] });
  });

  it.each(['\u2028', '\u2029', '\r', '\n', '\u0085', '\ud800', '"\\'])(
    'keeps an entry with %j on one line',
    async (text) => {
      const log = await openChainedLog<Line>(path, key);
      for (const n of [1, 2]) await log.append({ n, text: `a${text}b` });
      await log.close();
      await write(3);
      expect(await verify()).toMatchObject({ entries: 3, findings: [] });
      expect((await Array.fromAsync(readChainedLog(path)))[1]?.text).toBe(`a${text}b`);
    },
  );

  it('is found out without an entry in it, once it had one', async () => {
    await writeFile(path, '');
    expect((await verify()).findings).toMatchObject([
      { line: 0, problem: expect.stringContaining('missing') },
    ]);
  });

  it('of many entries is gone on with, and verified, in its whole length', async () => {
    const log = await openChainedLog<Line>(path, key);
    const text = 'x'.repeat(400_000);
    for (let n = 0; n < 6; n++) await log.append({ n, text });
    await log.close();
    await write(6);
    expect(await verify()).toMatchObject({ entries: 7, findings: [] });
  });
});

describe('a chained log that was cut short by a crash', () => {
  it.each([1, 20, 60])('goes on after a line of which %d characters were written', async (length) => {
    await write(1, 2);
    const [, second] = await lines();
    const third = forged(second, { seq: 3, previous: JSON.parse(second ?? '').hash });
    await appendFile(path, third.slice(0, length));
    expect((await verify()).findings).toHaveLength(1);
    await write(3);
    expect(await numbers()).toEqual([1, 2, 3]);
    expect((await verify()).findings).toEqual([]);
  });

  it('goes on after a first line that was torn', async () => {
    await writeFile(path, '{"seq":1,"ti');
    await write(1);
    expect(await numbers()).toEqual([1]);
    expect((await verify()).findings).toEqual([]);
  });

  it('goes on after zeros that a file system left', async () => {
    await write(1);
    await appendFile(path, Buffer.alloc(4096));
    await write(2);
    expect((await verify()).findings).toEqual([]);
  });

  it('is whole with a line more than its head knows', async () => {
    await write(1, 2);
    const old = await readFile(head);
    await write(3);
    await writeFile(head, old);
    expect((await verify()).findings).toEqual([]);
    await write(4);
    expect((await verify()).findings).toEqual([]);
    expect(await numbers()).toEqual([1, 2, 3, 4]);
  });

  it('is whole with its first line and no head', async () => {
    await write(1);
    await rm(head);
    await write(2);
    expect((await verify()).findings).toEqual([]);
  });
});

describe('a chained log whose disk fails', () => {
  it('takes the line back, and goes on when it can', async () => {
    const log = await openChainedLog<Line>(path, key);
    await log.append({ n: 1 });
    await rm(head);
    await mkdir(join(head, 'x'), { recursive: true });
    await expect(log.append({ n: 2 })).rejects.toThrow();
    await expect(log.append({ n: 3 })).rejects.toThrow();
    await rm(head, { recursive: true });
    await log.append({ n: 4 });
    await log.close();
    expect(await numbers()).toEqual([1, 4]);
    expect((await verify()).findings).toEqual([]);
  });
});

/** What was done to a log of five entries, and what of it is found. */
const TAMPERED: readonly [
  what: string,
  act: (all: string[]) => Promise<unknown>,
  line: number,
  problem: string,
][] = [
  ['a changed value', (all) => keep(all.with(2, all[2]?.replace('"n":3', '"n":33') ?? '')), 3, 'was changed'],
  [
    'a changed time',
    (all) => keep(all.with(0, all[0]?.replace(/"time":"2/, '"time":"3') ?? '')),
    1,
    'was changed',
  ],
  [
    'a changed line with its hash made anew',
    (all) => keep(all.with(2, forged(all[2], { n: 33 }))),
    4,
    'does not follow',
  ],
  [
    'the last line with its hash made anew',
    (all) => keep(all.with(4, forged(all[4], { n: 55 }))),
    5,
    'not the one that was signed',
  ],
  ['a line cut from the middle', (all) => keep(all.toSpliced(2, 1)), 3, 'does not follow entry 2'],
  [
    'a line cut from the middle, the next made to fit',
    (all) => keep(all.toSpliced(1, 2, forged(all[2], { seq: 2, previous: JSON.parse(all[0] ?? '').hash }))),
    3,
    'does not follow',
  ],
  ['the first line cut', (all) => keep(all.slice(1)), 1, 'does not follow entry 0'],
  ['the last line cut', (all) => keep(all.slice(0, 4)), 4, 'ends at entry 4 of 5'],
  ['all lines but one cut', (all) => keep(all.slice(0, 1)), 1, 'ends at entry 1 of 5'],
  ['all lines cut', () => keep([]), 0, 'ends at entry 0 of 5'],
  ['the log removed', () => rm(path), 0, 'ends at entry 0 of 5'],
  [
    'two lines swapped',
    (all) => keep([all[0], all[2], all[1], all[3], all[4]]),
    2,
    'does not follow entry 1',
  ],
  ['a line repeated', (all) => keep(all.toSpliced(3, 0, all[2] ?? '')), 4, 'does not follow entry 3'],
  ['a line that is none', (all) => keep(all.toSpliced(3, 0, 'who was here?')), 4, 'no entry'],
  [
    'a line without its hash',
    (all) => keep(all.with(3, all[3]?.replace(/,"hash.*/, '}') ?? '')),
    4,
    'no entry',
  ],
  [
    'two lines appended that fit',
    async (all) => {
      const sixth = forged(all[4], { seq: 6, previous: JSON.parse(all[4] ?? '').hash });
      const seventh = forged(sixth, { seq: 7, previous: JSON.parse(sixth).hash });
      await keep([...all, sixth, seventh]);
    },
    6,
    'after its signed end',
  ],
  ['its head missing', () => rm(head), 0, 'is missing'],
  ['a head that is none', () => writeFile(head, 'x'), 0, 'cannot be read'],
  [
    'a head with an earlier number',
    async (all) => {
      await keep(all.slice(0, 4));
      const { hash } = JSON.parse(all[3] ?? '');
      await writeFile(head, JSON.stringify({ ...JSON.parse(await readFile(head, 'utf8')), seq: 4, hash }));
    },
    0,
    'not signed',
  ],
  [
    'a head that a stranger signed',
    async () => {
      const { seq, hash } = JSON.parse(await readFile(head, 'utf8'));
      const signature = foreign.sign(canonicalJson({ seq, hash }));
      await writeFile(head, JSON.stringify({ seq, hash, signature, certificate: foreign.certificate }));
    },
    0,
    'not signed',
  ],
  [
    'a head with a certificate that is none',
    async () => {
      await writeFile(
        head,
        JSON.stringify({ ...JSON.parse(await readFile(head, 'utf8')), certificate: 'x' }),
      );
    },
    0,
    'not signed',
  ],
];

describe('a chained log that was tampered with', () => {
  it.each(TAMPERED)('is found out by %s', async (_, act, line, problem) => {
    await write(1, 2, 3, 4, 5);
    await act(await lines());
    const { findings } = await verify();
    expect(findings[0]).toEqual({ line, problem: expect.stringContaining(problem) });
  });

  it('is found out by a last newline that is another space', async () => {
    await write(1, 2);
    await writeFile(path, `${(await lines()).join('\n')} `);
    expect((await verify()).findings).toMatchObject([
      { line: 2, problem: expect.stringContaining('no entry') },
      {},
    ]);
  });

  it('is found out by any changed byte', async () => {
    await write(1, 2, 3);
    const whole = await readFile(path);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ by;
        await writeFile(path, bytes);
        expect((await verify()).findings).not.toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  /** Without this a server that is started again would sign what is left. */
  it.each([
    ['the last line cut', (all: string[]) => keep(all.slice(0, 2)), 'ends at entry 2 of 3'],
    ['all lines cut', () => keep([]), 'ends at entry 0 of 3'],
    ['the log removed', () => rm(path), 'ends at entry 0 of 3'],
    ['the last line changed', (all: string[]) => keep(all.with(2, forged(all[2], { n: 33 }))), 'not the one'],
    [
      'the head removed and a line cut',
      async (all: string[]) => {
        await keep(all.slice(0, 2));
        await rm(head);
      },
      'is missing',
    ],
    [
      'a head that nobody signed',
      async (all: string[]) => {
        await keep(all.slice(0, 2));
        const { hash } = JSON.parse(all[1] ?? '');
        await writeFile(head, JSON.stringify({ ...JSON.parse(await readFile(head, 'utf8')), seq: 2, hash }));
      },
      'not signed',
    ],
    ['something that is no entry', (all: string[]) => keep([...all, 'x']), 'does not end with an entry'],
    [
      'a large piece of nothing',
      () => appendFile(path, Buffer.alloc(1_100_000)),
      'does not end with an entry',
    ],
  ])('is not gone on with: %s', async (_, act, reason) => {
    await write(1, 2, 3);
    await act(await lines());
    const before = await readFile(path).catch(() => Buffer.alloc(0));
    await expect(openChainedLog<Line>(path, key)).rejects.toMatchObject({
      code: 'NF_AUDIT_DAMAGED',
      place: { file: path },
      message: expect.stringContaining(reason),
    });
    expect((await readFile(path)).equals(before)).toBe(true);
  });

  it('may be moved away with its head to begin a new one', async () => {
    await write(1, 2, 3);
    await keep([]);
    await rm(head);
    await write(1);
    expect((await verify()).findings).toEqual([]);
  });
});

describe('a copy of a chained log', () => {
  const copy = () => join(folder, `copy-${count}.jsonl`);
  const findings = async () => (await verifyChainedLog(copy(), isSigned)).findings;

  it('is whole and can be gone on with, whatever is written meanwhile', async () => {
    const log = await openChainedLog<Line>(path, key);
    await log.append({ n: 0 });
    let isCopied = false;
    const writing = (async () => {
      for (let n = 1; !isCopied; n++) await log.append({ n });
    })();
    for (let times = 0; times < 20; times++) {
      await copyChainedLog(path, copy());
      expect(await findings()).toEqual([]);
    }
    isCopied = true;
    await writing;
    await log.close();
    const more = await openChainedLog<Line>(copy(), key);
    await more.append({ n: -1 });
    await more.close();
    expect(await findings()).toEqual([]);
  });

  it('leaves out a line that a crash has not signed, and keeps every byte before it', async () => {
    await write(1, 2);
    const text = await readFile(path, 'utf8');
    await appendFile(path, '{"half');
    await copyChainedLog(path, copy());
    expect(await readFile(copy(), 'utf8')).toBe(text);
    expect(await findings()).toEqual([]);
  });

  it('shows what was tampered with, as the log does', async () => {
    await write(1, 2, 3);
    const lines = (await readFile(path, 'utf8')).split('\n');
    await writeFile(path, `${lines.slice(0, 2).join('\n')}\n`);
    await copyChainedLog(path, copy());
    expect(await findings()).toEqual((await verifyChainedLog(path, isSigned)).findings);
    expect(await findings()).not.toEqual([]);
    await writeFile(head, 'no head');
    await copyChainedLog(path, copy());
    expect(await readFile(copy(), 'utf8')).toBe(await readFile(path, 'utf8'));
    expect(await findings()).not.toEqual([]);
  });

  it('of no log is none', async () => {
    await copyChainedLog(path, copy());
    await expect(stat(copy())).rejects.toThrow('ENOENT');
  });
});

describe('reading a log that is not there', () => {
  it('fails with its path', async () => {
    await expect(Array.fromAsync(readChainedLog(path))).rejects.toThrow('ENOENT');
    await expect(verify()).rejects.toThrow('ENOENT');
  });

  it('fails where it cannot be opened for writing', async () => {
    await expect(openChainedLog(join(folder, 'nowhere/log.jsonl'), key)).rejects.toThrow('ENOENT');
    await (await open(path, 'w')).close();
    await expect(openChainedLog(join(path, 'x'), key)).rejects.toThrow('ENOTDIR');
  });
});

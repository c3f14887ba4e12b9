import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canonicalJson, sha256, sha256File } from '../../../src/runtime/base/digest.ts';
import { flError, toNeuroflareError } from '../../../src/runtime/base/errors/errors.ts';
import { reasonOf } from '../../../src/runtime/base/errors/reason-of.ts';
import { sourceExcerpt } from '../../../src/runtime/base/errors/source-excerpt.ts';
import { compareSites } from '../../../src/runtime/base/site-order.ts';
import { shellWord } from '../../../src/runtime/base/text/shell-word.ts';
import { timeText } from '../../../src/runtime/base/text/time-text.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const folder = tempFolder();

describe('a digest', () => {
  /** FIPS 180-2, appendix B.1. */
  const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

  it('of text is that of the standard', () => {
    expect(sha256('abc')).toBe(ABC);
  });

  it('of a file is that of its bytes', async () => {
    await writeFile(join(folder, 'abc'), 'abc');
    expect(await sha256File(join(folder, 'abc'))).toBe(ABC);
  });

  it('of equal values is equal whatever the order of their keys', () => {
    expect(canonicalJson({ b: [1, { d: 1, c: 2 }], a: null })).toBe(
      canonicalJson({ a: null, b: [1, { c: 2, d: 1 }] }),
    );
  });

  it('keeps the order of lists', () => {
    expect(canonicalJson([2, 1])).toBe('[2,1]');
  });
});

describe('what was thrown', () => {
  it.each([
    [new Error('no room'), 'no room'],
    ['a word', 'a word'],
    [{ code: 7, why: { deep: [1, 2] } }, '{ code: 7, why: { deep: [ 1, 2 ] } }'],
    [undefined, 'undefined'],
    [Object.create(null), '[Object: null prototype] {}'],
  ])('is told in words: %j', (thrown, words) => {
    expect(reasonOf(thrown)).toBe(words);
    expect(toNeuroflareError(thrown).message).toContain(words);
  });

  it('is bounded', () => {
    expect(reasonOf({ text: 'x'.repeat(100_000) }).length).toBeLessThan(1000);
  });
});

describe('a word of a command', () => {
  const WORDS = ['jobs/hello', "ann's job", '$HOME "x" `y`', 'ünï 北京', '', '~', '-a b', 'a;b', '*'];

  it('is taken by a shell as it is', () => {
    const command = `printf '%s\\n' ${WORDS.map((word) => shellWord(word, 'linux')).join(' ')}`;
    expect(execFileSync('sh', ['-c', command], { encoding: 'utf8' })).toBe(`${WORDS.join('\n')}\n`);
  });

  it('is not quoted without need', () => {
    expect(shellWord('kits/brain_1/ann@example.org', 'linux')).toBe('kits/brain_1/ann@example.org');
  });

  it('stands in double quotes on Windows', () => {
    expect(shellWord('C:\\kits\\my site', 'win32')).toBe('"C:\\kits\\my site"');
    expect(shellWord('C:\\kits\\site', 'win32')).toBe('C:\\kits\\site');
  });

  it('is quoted where a message of the catalogue shows it in a command', () => {
    expect(flError('NF_KEY_EXPOSED', { path: '/a b/key', mode: '644' }).hint).toBe("chmod 600 '/a b/key'");
  });
});

describe('a time for people', () => {
  it('is in UTC, to the second, and says so', () => {
    expect(timeText('2026-11-29T13:32:25.379Z')).toBe('2026-11-29T13:32:25Z');
    expect(timeText('2026-11-29T14:32:25+01:00')).toBe('2026-11-29T13:32:25Z');
  });

  it('that cannot be read stays as it is', () => {
    expect(timeText('soon')).toBe('soon');
  });
});

describe('the order of sites', () => {
  const sorted = (...names: string[]) => names.sort(compareSites);

  it('counts digits by value', () => {
    expect(sorted('site-10', 'site-2', 'site-1')).toEqual(['site-1', 'site-2', 'site-10']);
  });

  it('puts upper case before lower case in every locale', () => {
    expect(sorted('b', 'a', 'B', 'ä')).toEqual(['B', 'a', 'b', 'ä']);
  });

  it('tells numbers of equal value apart', () => {
    expect(sorted('site-1', 'site-01')).toEqual(['site-01', 'site-1']);
  });

  it('puts a shorter name before a longer one that begins with it', () => {
    expect(sorted('site-1a', 'site-1')).toEqual(['site-1', 'site-1a']);
  });
});

describe('an excerpt', () => {
  const TEXT = 'one\r\ntwo\nthree';

  it('is the line with a caret under the column', () => {
    expect(sourceExcerpt(TEXT, { line: 2, column: 3 })).toBe('2 | two\n  |   ^');
  });

  it('leaves out the carriage return', () => {
    expect(sourceExcerpt(TEXT, { line: 1 })).toBe('1 | one');
  });

  it('of a line that is not there is empty', () => {
    expect(sourceExcerpt(TEXT, { line: 9, column: 1 })).toBe('9 | \n  | ^');
  });
});

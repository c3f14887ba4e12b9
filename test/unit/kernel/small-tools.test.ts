import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canonicalJson, sha256, sha256File } from '../../../src/runtime/kernel/digest.ts';
import { compareSites } from '../../../src/runtime/kernel/site-order.ts';
import { sourceExcerpt } from '../../../src/runtime/kernel/source-excerpt.ts';
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

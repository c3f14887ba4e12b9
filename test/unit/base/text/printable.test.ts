import { describe, expect, it } from 'vitest';
import { cut, printable, printableDeep, printableJson } from '../../../../src/runtime/base/text/printable.ts';

describe('a text of somebody else', () => {
  it.each([
    ['an escape sequence', 'a\x1b[2Jb', 'a\\x1b[2Jb'],
    ['a C1 control', '\x9b31m', '\\x9b31m'],
    ['DEL', '\x7f', '\\x7f'],
    ['line ends', 'a\r\nb\tc', 'a\\r\\nb\\tc'],
    ['a line separator', 'a\u2028b', 'a\\u2028b'],
    ['direction', 'gpj.\u202eexe', 'gpj.\\u202eexe'],
    ['what is not seen', 'site\u200b-1\u{e0041}', 'site\\u200b-1\\u{e0041}'],
  ])('shows %s', (_, text, shown) => {
    expect(printable(text)).toBe(shown);
    expect(printable(shown)).toBe(shown);
  });

  it('keeps every writing', () => {
    const text = 'Krankenhaus Süd, 北京, עברית, मस्तिष्क, 👩‍⚕️, C:\\new';
    expect(printable(text)).toBe(text);
  });

  it('is shown in every place of a value, names too; an excerpt keeps its lines', () => {
    const date = new Date(0);
    expect(
      printableDeep({ 'a\n': ['b\x1b', { excerpt: '1 | x\n  | ^\r' }], n: 1, none: null, date }),
    ).toEqual({ 'a\\n': ['b\\x1b', { excerpt: '1 | x\n  | ^\\r' }], n: 1, none: null, date });
  });

  it('is the same in JSON, where nothing of it is obeyed', () => {
    const value = { text: 'a\x1b\x9b\x7f\u202e\u{e0041}\nb' };
    const text = printableJson(value);
    expect(JSON.parse(text)).toEqual(value);
    expect(text).toMatch(/^[ -~]+$/);
  });

  it('is cut between characters', () => {
    expect(cut('👩👩👩👩', 3)).toBe('👩👩…');
    expect(cut('abc', 3)).toBe('abc');
  });
});

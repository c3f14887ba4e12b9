import { describe, expect, it } from 'vitest';
import { barLine } from '../../../src/output/bar-line.ts';
import { renderTable } from '../../../src/output/table.ts';
import { columnsOf, fitted, widthOf, wrapped } from '../../../src/output/width.ts';

const HEADER = ['name', 'n', 'description'];
const ROWS = [
  ['site-1', '10', 'a long sentence that does not fit a small screen at all'],
  ['北京', '5', 'short'],
];

describe('a table on a screen', () => {
  it.each([60, 44, 36])('wraps its longest cells into %i columns', (columns) => {
    const lines = renderTable(HEADER, ROWS, columns).split('\n');
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(columns);
    expect(lines[0]).toMatch(/^name {4} n {2}description$/);
    expect(lines.slice(1).join(' ').split(/ +/)).toEqual(
      expect.arrayContaining('site-1 10 a long sentence that does not fit a small screen at all'.split(' ')),
    );
  });

  it('stands in columns by what the screen needs for a character, not by their count', () => {
    expect(renderTable(['a', 'b'], [['北京', 'x']], 80)).toBe('a     b\n北京  x');
  });

  it.each([20, 18, 9])('has a line for each cell where %i columns hold no more', (columns) => {
    const text = renderTable(HEADER, ROWS, columns);
    expect(Math.max(...text.split('\n').map(widthOf))).toBeLessThanOrEqual(columns);
    expect(text.split('\n\n')).toHaveLength(2);
    expect(text.replaceAll(/\s+/g, '')).toContain('alongsentence');
  });

  it('keeps every figure whole', () => {
    const figures = Array.from({ length: 8 }, (_, at) => `0.${100 + at}`);
    const text = renderTable(
      figures.map((_, at) => `site-${at}`),
      [figures],
      44,
    );
    expect(figures.filter((figure) => !text.includes(figure))).toEqual([]);
  });
});

describe('a bar', () => {
  const state = { label: 'site-1', value: 96, total: 235, rest: '12 s left' };

  it('has 40 columns where there is room', () => {
    expect(barLine(state, 120)).toBe(`site-1 [${'▓'.repeat(16)}${'░'.repeat(24)}] 96/235 12 s left`);
  });

  it.each([1, 8, 12, 20, 30, 44, 60])('fits %i columns, its figures whole', (columns) => {
    const line = barLine(state, columns);
    if (columns > 8) expect(widthOf(line)).toBeLessThan(columns);
    expect(line).toContain('96/235');
  });

  it('of nothing to do is full', () => {
    expect(barLine({ label: 'x', value: 0, total: 0 }, 20)).toMatch(/^x \[▓+\] 0\/0$/);
  });
});

describe('a text', () => {
  it('is broken between words, and within one that is longer than the screen', () => {
    expect(wrapped('one two three', 7)).toBe('one two\nthree');
    expect(wrapped('a\n  one two', 6)).toBe('a\n  one\n  two');
    expect(wrapped('abcdefghij', 4)).toBe('abcd\nefgh\nij');
    expect(wrapped('one two', Number.POSITIVE_INFINITY)).toBe('one two');
  });

  it('that is cut shows it, and never ends in half a character', () => {
    expect([fitted('北京市', 4), fitted('abc', 3), fitted('abc', 0)]).toEqual(['北…', 'abc', '']);
  });

  it('goes on for ever in a file, and to the edge on a screen', () => {
    expect([columnsOf({}), columnsOf({ isTTY: true, columns: 44 })]).toEqual([Number.POSITIVE_INFINITY, 44]);
  });
});

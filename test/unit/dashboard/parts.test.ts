import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeDifference, differences } from '../../../src/runtime/dashboard/code-difference.ts';
import { TailedFile } from '../../../src/runtime/dashboard/sources/tailed-file.ts';
import { Speeds } from '../../../src/runtime/dashboard/speeds.ts';
import { bundleOf } from '../../../src/runtime/job/bundle.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();

describe('the difference of two versions', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 });

  it('has both of them in it, each in its order', () => {
    fc.assert(
      fc.property(lines, lines, (before, now) => {
        const found = differences(before, now);
        expect(found.flatMap(([mark, text]) => (mark === '+' ? [] : [text]))).toEqual(before);
        expect(found.flatMap(([mark, text]) => (mark === '-' ? [] : [text]))).toEqual(now);
      }),
    );
  });

  it('marks one line that was changed, and nothing else', () => {
    expect(differences(['a', 'b', 'c'], ['a', 'x', 'c'])).toEqual([
      [' ', 'a'],
      ['-', 'b'],
      ['+', 'x'],
      [' ', 'c'],
    ]);
  });

  it('of long texts without a line in common is told without their square in memory', () => {
    const many = (word: string) => Array.from({ length: 20_000 }, (_, at) => `${word}${at}`);
    expect(differences(many('a'), many('b'))).toHaveLength(40_000);
  });

  const file = (path: string, text: string | Uint8Array) => ({
    path,
    bytes: typeof text === 'string' ? Buffer.from(text) : text,
  });
  const job = file('job.yaml', 'name: x\n');

  it('shows what a program reads: marks that turn a line around, letters that are not seen, ends of lines', () => {
    const hidden = '// harmless\rsend(data)\nif (a\u202e != b\u2066) {\u200b\n\tindented\r\n// x\u2028run()';
    const [shown] = codeDifference(bundleOf([file('a.ts', hidden), job]), undefined);
    expect(shown?.lines?.map(([, line]) => line)).toEqual([
      '// harmless\\rsend(data)',
      'if (a\\u202e != b\\u2066) {\\u200b',
      '\tindented',
      '// x\\u2028run()',
    ]);
  });

  it('tells of each file what became of it; what is no text is not shown', () => {
    const before = bundleOf([job, file('client/a.ts', 'one\ntwo'), file('client/gone.ts', 'x')]);
    const now = bundleOf([job, file('client/a.ts', 'one\n2'), file('client/b.bin', Buffer.from([0, 1, 2]))]);
    expect(codeDifference(now, before)).toMatchObject([
      {
        path: 'client/a.ts',
        change: 'changed',
        lines: [
          [' ', 'one'],
          ['-', 'two'],
          ['+', '2'],
        ],
      },
      { path: 'client/b.bin', change: 'new', lines: null },
      { path: 'client/gone.ts', change: 'removed', lines: [['-', 'x']] },
      { path: 'job.yaml', change: 'same' },
    ]);
    expect(codeDifference(now, undefined).map(({ change }) => change)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('a file that is longer than what is read of it at once', () => {
  it('is told in pieces where its line has no end, and nothing of it is kept', async () => {
    const path = join(root, 'log');
    const file = new TailedFile(path);
    await writeFile(path, 'a'.repeat(2_500_000));
    expect((await file.news()).join('')).toHaveLength(2_500_000);
    await appendFile(path, 'end\n');
    expect(await file.news()).toEqual(['end']);
  });
});

describe('the speed of a site', () => {
  it('is what came in the time between two looks', () => {
    const speeds = new Speeds();
    expect(speeds.of('a', 0, 0)).toBeNull();
    expect(speeds.of('a', 50, 1000)).toBe(50);
    // Steady goes on as it is, and looks that come too soon change nothing.
    expect(speeds.of('a', 51, 1001)).toBe(50);
    expect(speeds.of('a', 100, 2000)).toBeCloseTo(50, 9);
    // The next task begins anew with what was known.
    expect(speeds.of('a', 3, 2500)).toBeCloseTo(50, 9);
    expect(speeds.of('a', undefined, 3000)).toBeNull();
    expect(speeds.of('a', 10, 4000)).toBeNull();
  });
});

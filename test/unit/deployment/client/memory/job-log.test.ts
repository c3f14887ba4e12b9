import { mkdir, readFile, stat, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SCRIPT_LIMITS } from '../../../../../src/runtime/base/limits.ts';
import { JobLog } from '../../../../../src/runtime/deployment/client/memory/job-log.ts';
import { type LogLevel, logLevel } from '../../../../../src/runtime/network/messages/shapes.ts';
import { logLines } from '../../../../../src/runtime/network/messages/site.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

interface Line {
  readonly time: string;
  readonly level: LogLevel;
  readonly text: string;
}

const root = tempFolder();
let path = '';
let count = 0;
const opened: JobLog[] = [];

beforeEach(() => {
  path = join(root, `job-${count++}`, 'log.jsonl');
});

afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(opened.splice(0).map((log) => log.close()));
});

function open(send?: (lines: Line[]) => Promise<void>): JobLog {
  const log = new JobLog(path, send);
  opened.push(log);
  return log;
}

const lines = async (): Promise<Line[]> =>
  (await readFile(path, 'utf8').catch(() => ''))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
const texts = async () => (await lines()).map(({ text }) => text);

describe('the log of a job', () => {
  it('has what scripts print, line by line, with time and level', async () => {
    const log = open();
    log.print('one\ntwo\n');
    expect(await lines()).toEqual([
      { time: expect.stringMatching(/^\d{4}-.*Z$/), level: 'info', text: 'one' },
      { time: expect.any(String), level: 'info', text: 'two' },
    ]);
  });

  it('puts the pieces of a line together, and drops empty lines', async () => {
    const log = open();
    for (const piece of ['a', 'b', '\n\n', '\nc', 'd\ne']) log.print(piece);
    expect(await texts()).toEqual(['ab', 'cd']);
    await log.close();
    expect(await texts()).toEqual(['ab', 'cd', 'e']);
  });

  it('is the same however what was printed is cut into pieces', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 20 }), async (pieces) => {
        path = join(root, `any-${count++}`, 'log.jsonl');
        const log = open();
        for (const piece of pieces) log.print(piece);
        await log.close();
        expect(await texts()).toEqual(
          pieces
            .join('')
            .split('\n')
            .filter((line) => line !== ''),
        );
      }),
      { numRuns: 40 },
    );
  });

  it.each(logLevel.options)('at level %s has what is as important, and more', async (level) => {
    const log = open();
    log.level = level;
    for (const one of logLevel.options) log.write(one, one);
    expect(await texts()).toEqual(logLevel.options.slice(logLevel.options.indexOf(level)));
  });

  it('cuts a line that is too long', async () => {
    const log = open();
    log.print(`${'x'.repeat(20_000)}\nnext\n`);
    expect((await texts()).map((text) => text.length)).toEqual([10_000, 4]);
  });

  it('keeps no more of a line without end than it will write', async () => {
    const log = open();
    const before = process.memoryUsage().heapUsed;
    for (let piece = 0; piece < 2000; piece++) log.print('x'.repeat(50_000));
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(20_000_000);
    log.print('\nnext\n');
    expect((await texts()).map((text) => text.length)).toEqual([10_000, 4]);
  });

  it('goes on in a file that is there', async () => {
    open().print('before\n');
    open().print('after\n');
    expect(await texts()).toEqual(['before', 'after']);
  });

  it('stops at its largest size', async () => {
    open().print('first\n');
    await truncate(path, 20_000_000);
    open().print('too much\n');
    expect((await stat(path)).size).toBe(20_000_000);
  });

  it('holds a block that fills it to whole lines', async () => {
    await mkdir(dirname(path), { recursive: true });
    const log = new JobLog(path, undefined, 1000);
    opened.push(log);
    log.print('a line\n'.repeat(500));
    expect((await stat(path)).size).toBeLessThan(1200);
    expect(new Set(await texts())).toEqual(new Set(['a line']));
  });

  it('has so many lines of a second, and says how many it dropped', async () => {
    vi.useFakeTimers();
    const log = open();
    for (let message = 0; message < 3; message++) log.print('a\n'.repeat(300_000));
    expect(await texts()).toHaveLength(SCRIPT_LIMITS.lines.most);
    await vi.advanceTimersByTimeAsync(1000);
    log.print('next\n');
    const said = 'neuroflare: 890000 lines dropped: too many in a second';
    expect((await texts()).slice(SCRIPT_LIMITS.lines.most)).toEqual([said, 'next']);
  });

  it('does not end the job when it cannot be written', async () => {
    await mkdir(path, { recursive: true });
    const sent: string[] = [];
    const log = open(async (some) => void sent.push(...some.map(({ text }) => text)));
    log.print('lost here\n');
    await log.flush();
    expect(sent).toEqual(['lost here']);
  });
});

describe('the log of a job that may be sent', () => {
  it('goes to the server every second, in the order it was printed', async () => {
    vi.useFakeTimers();
    const sent: string[][] = [];
    const log = open(async (some) => void sent.push(some.map(({ text }) => text)));
    log.print('a\nb\n');
    await vi.advanceTimersByTimeAsync(999);
    expect(sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    log.print('c\n');
    await vi.advanceTimersByTimeAsync(5000);
    expect(sent).toEqual([['a', 'b'], ['c']]);
  });

  it('goes in messages that the server takes', async () => {
    const sent: Line[][] = [];
    const log = open(async (some) => void sent.push(some));
    const wide = '"\\\u2028ä'.repeat(2500);
    for (let line = 0; line < 1200; line++) log.print(`${line}\n`);
    for (let line = 0; line < 300; line++) log.print(`${wide}\n`);
    await log.flush();
    expect(sent.flat()).toHaveLength(1500);
    expect(
      sent
        .flat()
        .slice(0, 1200)
        .map(({ text }) => text),
    ).toEqual(Array.from({ length: 1200 }, (_, index) => String(index)));
    for (const some of sent) {
      expect(logLines.safeParse({ lines: some }).success).toBe(true);
      expect(Buffer.byteLength(JSON.stringify({ lines: some }))).toBeLessThan(2_000_000);
    }
  });

  it('does not mind a server that refuses it', async () => {
    const sent: string[] = [];
    let fails = true;
    const log = open(async (some) => {
      if (fails) throw new Error('no');
      sent.push(...some.map(({ text }) => text));
    });
    log.print('lost\n');
    await log.flush();
    fails = false;
    log.print('there\n');
    await log.flush();
    expect(sent).toEqual(['there']);
    expect(await texts()).toEqual(['lost', 'there']);
  });

  it('does not wait for a server that hangs when it is closed', async () => {
    const log = open(() => new Promise(() => undefined));
    log.print('a\n');
    await log.close();
  });

  it('does not pile up for a server that is away', async () => {
    vi.useFakeTimers();
    const back = Promise.withResolvers<void>();
    const sent: Line[] = [];
    const log = open(async (some) => {
      await back.promise;
      sent.push(...some);
    });
    for (let second = 0; second < 30; second++) {
      log.print('x\n'.repeat(1000));
      await vi.advanceTimersByTimeAsync(1000);
    }
    back.resolve();
    await log.flush();
    expect(sent.length).toBeLessThanOrEqual(5500);
    expect(await texts()).toHaveLength(30_000);
    log.print('again\n');
    await log.flush();
    expect(sent.at(-1)?.text).toBe('again');
  });
});

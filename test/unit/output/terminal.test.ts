import { join } from 'node:path';
import { Config } from '@oclif/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { BaseCommand } from '../../../src/command.ts';
import { errorText } from '../../../src/output/envelope.ts';
import { createJobView } from '../../../src/output/job-view.ts';
import { createRunView } from '../../../src/output/run-view.ts';
import { renderTable } from '../../../src/output/table.ts';
import { shownText } from '../../../src/output/terminal.ts';
import { flError } from '../../../src/runtime/base/errors/errors.ts';
import type { JobMeta } from '../../../src/runtime/network/messages/admin.ts';

/** What a site, a script or a job may call itself: clears the screen, ends a line, turns the writing round, hides. */
const NASTY = 'x\x1b[2J\x1b]8;;http://evil\x07\r\nFINISHED:COMPLETED\x9b31m\x7f\u202e\u2028\u200b';
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u2028\u202e]/;

/** Prints what others said in a value, a table, a note and an error. */
class Parrot extends BaseCommand<Record<string, unknown>> {
  static override resultSchema = z.record(z.string(), z.unknown());

  protected override async execute() {
    this.note(`note ${NASTY}`);
    if (this.argv.includes('--fail'))
      throw flError(
        'NF_USAGE',
        { message: NASTY },
        { place: { file: NASTY, key: NASTY, excerpt: `1 | ${NASTY}` } },
      );
    return { text: NASTY, list: [NASTY], [NASTY]: { excerpt: NASTY } };
  }

  protected override render(result: Record<string, unknown>): string {
    return renderTable(Object.keys(result), [Object.values(result).map(String)]);
  }
}

async function said(words: readonly string[]) {
  const out: string[] = [];
  const err: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => out.push(String(text)) > 0);
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => err.push(String(text)) > 0);
  const config = await Config.load({ root: join(import.meta.dirname, '../../..') });
  Parrot.id = 'parrot';
  await Parrot.run([...words], config).catch(() => undefined);
  vi.restoreAllMocks();
  process.exitCode = 0;
  return { out: out.join(''), err: err.join('') };
}

afterEach(() => vi.restoreAllMocks());

describe('a command', () => {
  it('prints nothing of others that a terminal obeys, and none of their lines as its own', async () => {
    const { out, err } = await said([]);
    for (const text of [out, err]) {
      expect(text).toContain('\\x1b[2J');
      expect(text).not.toMatch(OBEYED);
      expect(text).not.toMatch(/^FINISHED/m);
    }
    expect(err.trimEnd().split('\n')).toHaveLength(1);
    expect(out.trimEnd().split('\n')).toHaveLength(2);
  });

  it('says an error the same way, its lines set in', async () => {
    const { err } = await said(['--fail']);
    expect(err).not.toMatch(OBEYED);
    expect(err).not.toMatch(/^FINISHED/m);
    expect(err).toContain('Error: x\\x1b[2J');
  });

  it.each([['--json'], ['--json', '--fail']])(
    'answers %s with JSON that holds the text as it was',
    async (...words) => {
      const { out } = await said(words);
      expect(out.trimEnd()).toMatch(/^[ -~]+$/);
      expect(JSON.stringify(JSON.parse(out))).toContain(JSON.stringify(NASTY).slice(1, -1));
    },
  );
});

describe('a view of what goes on', () => {
  it('of a job shows what a site said on one line', () => {
    const lines: string[] = [];
    const write = vi
      .spyOn(process.stderr, 'write')
      .mockImplementation((text) => lines.push(String(text)) > 0);
    const view = createRunView({ quiet: false, showLogs: true });
    view.observe({
      type: 'site.failed',
      task: 'train/1/site-1',
      error: { code: NASTY, message: NASTY, hint: '', exitCode: 1, place: { file: NASTY } },
    });
    view.onLog('site-1', `${NASTY}\n`);
    write.mockRestore();
    expect(lines.join('')).not.toMatch(OBEYED);
    expect(lines.join('')).not.toMatch(/^FINISHED/m);
  });

  it('of a watched job hands each news on as one text', () => {
    const texts: string[] = [];
    const meta = { metric: 'accuracy', num_rounds: 3, status: 'RUNNING', waiting: null } as JobMeta;
    const error = { code: 'NF_X', message: NASTY, hint: '', exitCode: 1 };
    const event = { type: 'site.failed', task: 'train/4/site-1', error } as const;
    createJobView((text) => texts.push(text)).onNews([{ seq: 1, time: '', event }], meta);
    expect(texts[0]).toContain(NASTY);
    expect(texts).toHaveLength(2);
  });
});

describe('a cell', () => {
  it('is one line of a length that leaves room for others', () => {
    const [, row = ''] = renderTable(['a', 'b'], [['y\nz'.padEnd(5000, 'x'), 'end']]).split('\n');
    expect(row).toMatch(/^y\\nzx+… {2}end$/);
    expect(row.length).toBeLessThan(200);
  });
});

describe('text for people', () => {
  it('keeps colours of its own', () => {
    expect(shownText('\x1b[1mok\x1b[0m\x1b[2J')).toBe('\x1b[1mok\x1b[0m\\x1b[2J');
  });

  it('of an error has what was wrong first', () => {
    expect(errorText(flError('NF_USAGE', { message: 'a\nb' }))).toMatch(/^Error: a\n {2}b\n/);
  });
});

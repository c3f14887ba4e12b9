import { appendFile, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openJournal, readJournal } from '../../../src/runtime/run/journal.ts';
import { openFilesOf } from '../../support/open-files.ts';
import { ANYTHING } from '../../support/record-forms.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const folder = tempFolder();
let path = '';
let files = 0;

beforeEach(() => {
  path = join(folder, `events-${files++}.jsonl`);
});

async function write(...events: unknown[]): Promise<void> {
  const journal = await openJournal(path, ANYTHING);
  for (const event of events) await journal.append(event);
  await journal.close();
}

const events = async () => (await Array.fromAsync(readJournal(path, ANYTHING))).map(({ event }) => event);

describe('a journal', () => {
  it('gives back what was appended, in order, with the time', async () => {
    await write({ n: 1 }, { n: 2 });
    expect(await events()).toEqual([{ n: 1 }, { n: 2 }]);
    expect((await Array.fromAsync(readJournal(path, ANYTHING)))[0]?.time).toMatch(/^\d{4}-.*Z$/);
  });

  it('goes on where it stopped', async () => {
    await write('one');
    await write('two');
    expect(await events()).toEqual(['one', 'two']);
  });

  it('keeps the order of appends that nobody awaits', async () => {
    const journal = await openJournal(path, ANYTHING);
    await Promise.all(Array.from({ length: 50 }, (_, index) => journal.append(index)));
    await journal.close();
    expect(await events()).toEqual(Array.from({ length: 50 }, (_, index) => index));
  });

  it('has a record on disk when append returns', async () => {
    const journal = await openJournal(path, ANYTHING);
    await journal.append('durable');
    expect(await readFile(path, 'utf8')).toContain('durable');
    await journal.close();
  });

  it.runIf(process.platform === 'linux')('leaves no file open that is too large to be read', async () => {
    await writeFile(path, '');
    await truncate(path, 3 * 2 ** 30);
    await expect(openJournal(path, ANYTHING)).rejects.toThrow();
    expect(await openFilesOf([path])).toEqual([]);
    await rm(path);
  });

  it('finds a changed line, by its number', async () => {
    await write({ numExamples: 1 }, { numExamples: 2 }, { numExamples: 3 });
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"numExamples":2', '"numExamples":9'));
    await expect(events()).rejects.toMatchObject({ code: 'NF_RUN_JOURNAL', place: { file: path, line: 2 } });
  });

  it.each([
    ['removed', (lines: string[]) => lines.toSpliced(1, 1), 2],
    ['moved', ([a = '', b = '', c = '']: string[]) => [a, c, b], 2],
    [
      'without its hash',
      (lines: string[]) => lines.with(1, (lines[1] ?? '').replace(/,"hash":"\w+"/, '')),
      2,
    ],
  ])('finds a line that was %s', async (_, change, line) => {
    await write(1, 2, 3);
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    await writeFile(path, `${change(lines).join('\n')}\n`);
    await expect(events()).rejects.toMatchObject({ code: 'NF_RUN_JOURNAL', place: { line } });
  });

  it('goes on behind lines of version 0.1.0, which have no hash, and guards them from then on', async () => {
    const old = [1, 2].map((n) => `{"time":"2026-01-01T00:00:00.000Z","event":{"n":${n}}}\n`).join('');
    await writeFile(path, old);
    await write({ n: 3 });
    expect(await events()).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    await writeFile(path, (await readFile(path, 'utf8')).replace('"n":2', '"n":9'));
    await expect(events()).rejects.toMatchObject({ code: 'NF_RUN_JOURNAL', place: { line: 3 } });
  });

  it('keeps newlines inside a record on one line', async () => {
    await write({ text: 'two\nlines\u2028' });
    expect(await events()).toEqual([{ text: 'two\nlines\u2028' }]);
  });

  it.each(['{"time":"x","event":', '{', '{"time":"x","event":{}}'])(
    'does not see a torn last line: %s',
    async (torn) => {
      await write('whole');
      await appendFile(path, torn);
      expect(await events()).toEqual(['whole']);
    },
  );

  it('removes a torn last line before it goes on', async () => {
    await write('whole');
    await appendFile(path, '{"time":"x","ev');
    await write('next');
    expect(await events()).toEqual(['whole', 'next']);
  });

  it('removes a torn line that is the only one', async () => {
    await writeFile(path, '{"ti');
    await write('first');
    expect(await events()).toEqual(['first']);
  });

  it('refuses a damaged line in the middle and names it', async () => {
    await write('one', 'two', 'three');
    const lines = (await readFile(path, 'utf8')).split('\n');
    lines[1] = '{"time": oops';
    await writeFile(path, lines.join('\n'));
    await expect(Array.fromAsync(readJournal(path, ANYTHING))).rejects.toMatchObject({
      code: 'NF_RUN_JOURNAL',
      place: { file: path, line: 2 },
    });
  });

  it.each(['null', '5', '{}', ''])('refuses a line that is no record: %j', async (line) => {
    await write('one');
    await appendFile(path, `${line}\n`);
    await expect(Array.fromAsync(readJournal(path, ANYTHING))).rejects.toMatchObject({
      code: 'NF_RUN_JOURNAL',
      place: { line: 2 },
    });
  });

  it('that is empty holds nothing', async () => {
    await writeFile(path, '');
    expect(await events()).toEqual([]);
  });

  it('takes nothing more once it is closed', async () => {
    const journal = await openJournal(path, ANYTHING);
    await journal.close();
    await expect(journal.append('late')).rejects.toThrow();
  });
});

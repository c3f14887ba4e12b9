import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EVENTS_VERSION, type RunEvent } from '../../../src/runtime/run/events.ts';
import { openJournal, readJournal } from '../../../src/runtime/run/journal.ts';
import { RUN_EVENTS } from '../../../src/runtime/run/stored-event.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const folder = tempFolder();
let count = 0;
const OPENED: RunEvent = { type: 'run.opened' };

async function read(...lines: readonly object[]): Promise<RunEvent[]> {
  const path = join(folder, `${count++}.jsonl`);
  for (const event of lines)
    await appendFile(path, `${JSON.stringify({ time: '2026-01-01T00:00:00Z', event })}\n`);
  return (await Array.fromAsync(readJournal(path, RUN_EVENTS))).map(({ event }) => event);
}

describe('an event in a log', () => {
  it('names the version of its form, and is read as it was', async () => {
    const path = join(folder, `${count++}.jsonl`);
    const journal = await openJournal(path, RUN_EVENTS);
    await journal.append(OPENED);
    await journal.close();
    expect(RUN_EVENTS.write(OPENED)).toEqual({ type: 'run.opened', v: EVENTS_VERSION });
    expect((await Array.fromAsync(readJournal(path, RUN_EVENTS))).map(({ event }) => event)).toEqual([
      OPENED,
    ]);
  });

  it('of version 0.1.0, which names none, is read', async () => {
    expect(await read(OPENED)).toEqual([OPENED]);
  });

  it('of a newer version is refused by name, with its line', async () => {
    const newer = { type: 'run.opened', v: EVENTS_VERSION + 1 };
    await expect(read(OPENED, newer)).rejects.toMatchObject({
      code: 'NF_RUN_NEWER',
      message: expect.stringContaining(`version ${EVENTS_VERSION + 1}`),
      place: { line: 2 },
    });
  });

  it.each([
    ['a type that nobody knows', { type: 'round.vanished', round: 1 }],
    ['a key too many', { type: 'run.opened', extra: 1 }],
    ['a key too few', { type: 'model.initial' }],
    ['another type of value', { type: 'run.resumed', round: '1', by: 'ann', count: 1 }],
    ['a version that is no number', { type: 'run.opened', v: 'two' }],
    ['no error where one is told', { type: 'run.failed', error: 'broken' }],
  ])('with %s is damage, at its line', async (_, event) => {
    await expect(read(OPENED, event)).rejects.toMatchObject({ code: 'NF_RUN_JOURNAL', place: { line: 2 } });
  });
});

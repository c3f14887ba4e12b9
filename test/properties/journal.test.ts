import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openJournal, readJournal } from '../../src/runtime/run/journal.ts';
import { ANYTHING } from '../support/record-forms.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
let count = 0;

/** Records as they come back: what JSON cannot hold is not in them. */
const records = fc.array(fc.jsonValue(), { minLength: 1, maxLength: 6 });

async function written(events: readonly unknown[]): Promise<string> {
  const path = join(folder, `${count++}.jsonl`);
  const journal = await openJournal(path, ANYTHING);
  for (const event of events) await journal.append(event);
  await journal.close();
  return path;
}

async function eventsIn(path: string): Promise<unknown[]> {
  const events: unknown[] = [];
  for await (const { event } of readJournal(path, ANYTHING)) events.push(event);
  return events;
}
/** -0 is 0 in JSON. */
const asJson = (events: readonly unknown[]) => JSON.parse(JSON.stringify(events)) as unknown[];

describe('a journal of any records', () => {
  it('gives them back', async () => {
    await fc.assert(
      fc.asyncProperty(records, async (events) => {
        expect(await eventsIn(await written(events))).toEqual(asJson(events));
      }),
      { numRuns: 40 },
    );
  });

  it('that was cut anywhere holds its first ones, and goes on behind them', async () => {
    await fc.assert(
      fc.asyncProperty(records, fc.nat(), fc.jsonValue(), async (events, at, next) => {
        const path = await written(events);
        const bytes = await readFile(path);
        const cut = bytes.subarray(0, at % (bytes.length + 1));
        await writeFile(path, cut);
        const whole = asJson(events).slice(0, cut.filter((byte) => byte === 0x0a).length);
        expect(await eventsIn(path)).toEqual(whole);
        const journal = await openJournal(path, ANYTHING);
        await journal.append(next);
        await journal.close();
        expect(await eventsIn(path)).toEqual([...whole, ...asJson([next])]);
      }),
      { numRuns: 40 },
    );
  });
});

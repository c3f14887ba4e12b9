// usage: append-events.ts MODULE FUNCTION PLACE JOB
// Appends numbered events to a job's journal, which has the first, until it is killed, and prints how many were acknowledged.
import { writeSync } from 'node:fs';
import type { ServerStore } from '../../src/runtime/deployment/store/server-store.ts';
import { numbered } from '../support/job-records.ts';

const [module = '', name = '', place = '', job = ''] = process.argv.slice(2);
const stores = (await import(module)) as Record<string, (place: string) => Promise<ServerStore>>;
const store = await stores[name]?.(place);
const journal = store?.journal(job);
for (let round = 1; journal; round++) {
  await journal.append(numbered(round + 1));
  writeSync(1, `${round}\n`);
}

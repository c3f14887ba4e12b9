import { z } from 'zod';
import { parseQueueAddress } from './queue-address.ts';
import { openLink } from './queue-link.ts';
import { Records, type WorkerRecord } from './records.ts';

export const workerLineSchema = z.object({
  name: z.string().describe('HOST-PID'),
  version: z.string(),
  processor: z.string(),
  threads: z.int(),
  gpu: z.string().nullable(),
  since: z.string(),
  run: z.string().nullable().describe('the run it works for'),
  active: z.int().describe('tasks at hand'),
  done: z.int().describe('tasks done'),
  refused: z.array(z.string()).describe('why it cannot work for runs that it sees'),
});
export type WorkerLine = z.output<typeof workerLineSchema>;

/** Who is at a queue. @throws NF_QUEUE_URL, and as `openLink` does */
export async function listWorkers(queue: string | undefined): Promise<WorkerLine[]> {
  const link = await openLink(parseQueueAddress(queue), () => undefined);
  try {
    return (await new Records(link).workers()).map(lineOf);
  } finally {
    link.close();
  }
}

function lineOf({ id: _, asks, ...record }: WorkerRecord): WorkerLine {
  const refused = Object.values(asks).flatMap((asked) =>
    'refusal' in asked ? [`${asked.refusal.code}: ${asked.refusal.message}`] : [],
  );
  return { ...record, refused };
}

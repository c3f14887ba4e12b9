import { z } from 'zod';
import { flError } from '../../../base/errors/errors.ts';
import { compareText } from '../../../base/text/compare-text.ts';
import { readChainedLog } from '../../../security/logs/chained-log.ts';
import type { ClientFolder } from '../memory/client-folder.ts';
import { EGRESS_KINDS, type EgressKind, readOpenSums } from './egress-ledger.ts';

const kinds = z.enum(Object.keys(EGRESS_KINDS) as [EgressKind, ...EgressKind[]]);
const entrySchema = z.looseObject({
  /** Of a line; open sums have none. */
  time: z.string().optional(),
  what: kinds,
  bytes: z.number(),
  job: z.string().optional(),
  requests: z.number().optional(),
});

/** What left a site, added up by job and kind. */
export const egressSchema = z.object({
  ledger: z.string(),
  first: z.string().nullable(),
  last: z.string().nullable(),
  bytes: z.int(),
  sums: z.array(
    z.object({
      job: z.string().nullable(),
      what: kinds,
      content: z.string(),
      requests: z.int(),
      bytes: z.int(),
    }),
  ),
});
export type EgressReport = z.output<typeof egressSchema>;

/** @throws NF_EGRESS_NONE where no client has run, NF_WORK_FILE of open sums that cannot be read */
export async function reportEgress(
  { root, egress, egressOpen }: ClientFolder,
  { job }: { job?: string | undefined } = {},
): Promise<EgressReport> {
  const sums = new Map<string, EgressReport['sums'][number]>();
  let first: string | null = null;
  let last: string | null = null;
  const count = (raw: unknown) => {
    const entry = entrySchema.safeParse(raw).data;
    if (!entry || (job !== undefined && !entry.job?.startsWith(job))) return;
    first ??= entry.time ?? null;
    last = entry.time ?? last;
    const key = `${entry.job ?? ''} ${entry.what}`;
    const { what } = entry;
    const sum = sums.get(key) ?? {
      job: entry.job ?? null,
      what,
      content: EGRESS_KINDS[what],
      requests: 0,
      bytes: 0,
    };
    sums.set(key, { ...sum, requests: sum.requests + (entry.requests ?? 1), bytes: sum.bytes + entry.bytes });
  };
  try {
    for await (const raw of readChainedLog(egress)) count(raw);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw flError('NF_EGRESS_NONE', { path: root }, { place: { file: egress } });
  }
  for (const sum of await readOpenSums(egressOpen)) count(sum);
  const list = [...sums.values()].sort(
    (a, b) => compareText(a.job ?? '', b.job ?? '') || compareText(a.what, b.what),
  );
  const bytes = list.reduce((total, sum) => total + sum.bytes, 0);
  return { ledger: egress, first, last, bytes, sums: list };
}

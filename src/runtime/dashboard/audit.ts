import { basename } from 'node:path';
import { readChainedLog, verifyChainedLog } from '../security/logs/chained-log.ts';
import { findLogs } from '../security/verify-logs.ts';

/** The newest entries of a log that are shown. */
const MOST_SHOWN = 200;

export interface ShownLog {
  readonly name: string;
  readonly entries: number;
  /** What is wrong with it; none: nothing was changed, cut or added. */
  readonly findings: readonly { readonly line: number; readonly problem: string }[];
  /** The newest first. */
  readonly newest: readonly Readonly<Record<string, unknown>>[];
}

/** The logs that a kit keeps of who did what, verified. The ledger of what left is told apart. @throws NF_AUDIT_NONE */
export async function readAudit(kitDir: string): Promise<ShownLog[]> {
  const { paths, ends, isSigned } = await findLogs(kitDir);
  const logs = paths.map(async (path): Promise<ShownLog> => {
    const { entries, findings } = await verifyChainedLog(path, isSigned, { knownEnd: ends.get(path) });
    const newest: Readonly<Record<string, unknown>>[] = [];
    if (basename(path) !== 'egress.jsonl')
      for await (const { hash: _hash, previous: _previous, ...entry } of readChainedLog(path)) {
        newest.push(entry);
        if (newest.length > MOST_SHOWN) newest.shift();
      }
    return { name: basename(path), entries, findings, newest: newest.reverse() };
  });
  return Promise.all(logs);
}

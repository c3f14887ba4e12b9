import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { flError } from '../kernel/errors.ts';
import { kitFiles } from './kit/layout.ts';
import { isSignedInProject } from './log-key.ts';

export const logReportSchema = z.object({
  path: z.string(),
  entries: z.int(),
  first: z.string().nullable(),
  last: z.string().nullable(),
  findings: z.array(z.object({ line: z.int(), problem: z.string() })),
});

/** Logs that a server or client keeps in its kit. */
const LOGS = ['state/audit.jsonl', 'work/audit.jsonl', 'work/approvals-audit.jsonl', 'work/egress.jsonl'];

export interface LogsToVerify {
  readonly paths: readonly string[];
  readonly isSigned: ReturnType<typeof isSignedInProject>;
}

/** The logs meant by a path, and whom their ends must be signed by. @throws NF_AUDIT_NONE */
export async function findLogs(path: string, root: string | undefined): Promise<LogsToVerify> {
  const found = await stat(path).catch(() => undefined);
  const none = flError('NF_AUDIT_NONE', { path }, { place: { file: path } });
  if (!found) throw none;
  if (found.isFile()) {
    if (root === undefined)
      throw flError('NF_USAGE', { message: 'A log file needs --root: the rootCA.pem of its project.' });
    return { paths: [resolve(path)], isSigned: checkWith(await readFile(root, 'utf8'), root) };
  }
  const rootPath = root ?? join(path, kitFiles('server').root);
  const pem = await readFile(rootPath, 'utf8').catch(() => undefined);
  const candidates = LOGS.map((log) => resolve(path, log));
  // Of a log that somebody removed the head may be left.
  const isThere = candidates.map((log) => existsSync(log) || existsSync(`${log}.head`));
  const paths = candidates.filter((_, index) => isThere[index]);
  if (pem === undefined || paths.length === 0) throw none;
  return { paths, isSigned: checkWith(pem, rootPath) };
}

function checkWith(pem: string, path: string): LogsToVerify['isSigned'] {
  try {
    return isSignedInProject(pem);
  } catch (cause) {
    throw flError('NF_USAGE', { message: `${path} is no certificate.` }, { place: { file: path }, cause });
  }
}

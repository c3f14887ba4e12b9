import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { flError } from '../base/errors/errors.ts';
import { readInputText } from '../base/files/read-file.ts';
import { parseJson } from '../base/parse-json.ts';
import { type KnownEnd, knownEnds } from '../network/messages/log-head.ts';
import { identityOf } from './certificate/identity.ts';
import { kitFiles } from './kit/layout.ts';
import { isSignedInProject, type LogSigner } from './log-key.ts';

export const logReportSchema = z.object({
  path: z.string(),
  entries: z.int(),
  first: z.string().nullable(),
  last: z.string().nullable(),
  findings: z.array(z.object({ line: z.int(), problem: z.string() })),
});

/** Logs that a server or client keeps in its kit. */
const LOGS = [
  'state/audit.jsonl',
  'work/audit.jsonl',
  'work/approvals-audit.jsonl',
  'work/egress.jsonl',
  'local/privacy.jsonl',
];

/** Where the client says how far its logs had come. */
const MEMORY = 'work/instance.json';
const memorySchema = z.object({ kept: z.object({ logs: knownEnds }) });

export interface LogsToVerify {
  readonly paths: readonly string[];
  /** Where some of them were seen to end before. */
  readonly ends: ReadonlyMap<string, KnownEnd>;
  readonly isSigned: ReturnType<typeof isSignedInProject>;
}

/** Of log files outside their kit. */
export interface ForeignLog {
  /** PEM file of the authority's certificate. */
  readonly root?: string | undefined;
  /** Name of the participant whose log it is; undefined: of anybody in the project. */
  readonly signer?: string | undefined;
}

/** The logs meant by a path, and whom their ends must be signed by: of a kit that kit. @throws NF_AUDIT_NONE */
export async function findLogs(path: string, { root, signer }: ForeignLog = {}): Promise<LogsToVerify> {
  const found = await stat(path).catch(() => undefined);
  const none = flError('NF_AUDIT_NONE', { path }, { place: { file: path } });
  if (!found) throw none;
  if (found.isFile()) {
    if (root === undefined)
      throw flError('NF_USAGE', { message: 'A log file needs --root: the rootCA.pem of its project.' });
    return {
      paths: [resolve(path)],
      ends: new Map(),
      isSigned: checkWith(await readInputText(root), root, nameOf(signer)),
    };
  }
  const rootPath = root ?? join(path, kitFiles('server').root);
  const pem = await readInputText(rootPath).catch(() => undefined);
  const candidates = LOGS.map((log) => resolve(path, log));
  const ends = await endsSeen(path);
  // Of a log that somebody removed the head may be left, or the memory of it.
  const isThere = candidates.map((log) => existsSync(log) || existsSync(`${log}.head`) || ends.has(log));
  const paths = candidates.filter((_, index) => isThere[index]);
  if (pem === undefined || paths.length === 0) throw none;
  return { paths, ends, isSigned: checkWith(pem, rootPath, nameOf(signer) ?? (await ownerOf(path))) };
}

/** Of a client; of one whose memory cannot be read none. */
async function endsSeen(kit: string): Promise<Map<string, KnownEnd>> {
  const path = resolve(kit, MEMORY);
  const text = await readInputText(path).catch(() => '');
  const { kept } = memorySchema.safeParse(parseJson(text)).data ?? { kept: { logs: {} } };
  return new Map(Object.entries(kept.logs).map(([name, end]) => [resolve(dirname(path), name), end]));
}

function nameOf(signer: string | undefined): LogSigner | undefined {
  return signer === undefined ? undefined : { name: signer };
}

/** Whose kit it is. A copy of a kit's logs without its certificate can be signed by anybody in the project. */
async function ownerOf(kit: string): Promise<LogSigner | undefined> {
  for (const type of ['server', 'client'] as const) {
    const pem = await readInputText(join(kit, kitFiles(type).certificate)).catch(() => undefined);
    if (pem !== undefined) return identityOf(new X509Certificate(pem));
  }
  return undefined;
}

function checkWith(pem: string, path: string, signer: LogSigner | undefined): LogsToVerify['isSigned'] {
  try {
    return isSignedInProject(pem, signer);
  } catch (cause) {
    throw flError('NF_USAGE', { message: `${path} is no certificate.` }, { place: { file: path }, cause });
  }
}

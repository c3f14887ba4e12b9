import { existsSync } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { canonicalJson, prettyJson, sha256 } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { syncFolder, withPath, writeAtomic, writeFileAtomic } from '../../base/files/files.ts';
import { readLines } from '../../base/files/lines.ts';
import { parseJson } from '../../base/parse-json.ts';
import { type KnownEnd, type LogHead, logHead } from '../../network/messages/log-head.ts';

const entrySchema = z.looseObject({
  seq: z.int().min(1),
  time: z.iso.datetime(),
  previous: z.string(),
  hash: z.string(),
});
type Entry = z.output<typeof entrySchema>;
type End = Pick<Entry, 'seq' | 'hash'>;

/** Signs where a log ends, and knows who may have done so before. */
export interface LogKey {
  /** PEM */
  readonly certificate: string;
  sign(text: string): string;
  readonly isSigned: SignatureCheck;
}

/** A log of JSON lines, each with the hash of the line before it. */
export interface ChainedLog<Content extends object> {
  /** Durable when it returns. */
  append(content: Content): Promise<void>;
  /** Where it ends, as it is signed; undefined while nothing stands in it. */
  head(): Promise<LogHead | undefined>;
  close(): Promise<void>;
}

const START: End = { seq: 0, hash: '0'.repeat(64) };
/** Of the end of a log, to find its last line. */
const TAIL_BYTES = 1_000_000;

/**
 * Opens a log for appending. One that was tampered with is refused: what is left of it would be signed anew with the next entry.
 * @throws NF_AUDIT_DAMAGED
 */
export async function openChainedLog<Content extends object>(
  path: string,
  key: LogKey,
): Promise<ChainedLog<Content>> {
  const file = await open(path, 'a+', 0o600);
  let last = await resume(file, path, key.isSigned).catch(async (error: unknown) => {
    await file.close();
    throw error;
  });
  await syncFolder(dirname(path));
  // A crash between a line and its head: the next one would leave two lines behind it.
  if (last.seq > ((await headOf(path))?.seq ?? 0)) await writeHead(path, last, key);
  let queue: Promise<void> = Promise.resolve();
  const write = async (content: Content) => {
    const entry = {
      seq: last.seq + 1,
      time: new Date().toISOString(),
      ...withoutGaps(content),
      previous: last.hash,
    };
    const end = { seq: entry.seq, hash: sha256(canonicalJson(entry)) };
    const { size } = await file.stat();
    try {
      await file.appendFile(`${JSON.stringify({ ...entry, hash: end.hash })}\n`);
      await file.datasync();
      await writeHead(path, end, key);
    } catch (error) {
      // What was not acknowledged is taken back: the next line must not follow a part of one.
      await file.truncate(size).catch(() => undefined);
      throw withPath(error, path);
    }
    last = end;
  };
  return {
    append: (content) => {
      const done = queue.then(() => write(content));
      queue = done.catch(() => undefined);
      return done;
    },
    head: () => headOf(path),
    close: async () => {
      await queue;
      await file.close();
    },
  };
}

/** The entries of a log, without looking whether they are whole. */
export async function* readChainedLog(path: string): AsyncGenerator<Readonly<Record<string, unknown>>> {
  for await (const { text } of readLines(path)) {
    const entry = parseEntry(text);
    if (entry) yield entry;
  }
}

/**
 * Copies a log that may be written meanwhile, up to where its head says that it ends; nothing where there is none. What stands before that
 * never changes. Of a head that cannot be read all is copied, for `verifyChainedLog` to judge.
 */
export async function copyChainedLog(path: string, target: string): Promise<void> {
  const head = await readFile(headPath(path), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (head === undefined) return;
  const entries = logHead.safeParse(parseJson(head)).data?.seq ?? Number.POSITIVE_INFINITY;
  await writeAtomic(target, (file) => file.writeFile(beginning(path, entries)));
  await writeFileAtomic(headPath(target), head);
}

/** The first lines of a file, as they stand there. */
async function* beginning(path: string, count: number): AsyncGenerator<string> {
  let line = 0;
  for await (const { text, isWhole } of readLines(path)) {
    if (++line > count) return;
    yield isWhole ? `${text}\n` : text;
  }
}

export interface LogFinding {
  /** From 1; of the head file 0. */
  readonly line: number;
  readonly problem: string;
}

export interface LogReport {
  readonly entries: number;
  readonly first: string | undefined;
  readonly last: string | undefined;
  readonly findings: readonly LogFinding[];
}

/** Whether a text was signed by the key of a certificate (PEM) that may be trusted. */
export type SignatureCheck = (text: string, signature: string, certificate: string) => boolean;

/**
 * Reads a log from end to end: every hash, every number, and that it ends where its head says.
 * @param known `knownHead`: an earlier head of the log, from elsewhere, for an older log with its own head is sound in itself; `knownEnd`: where
 * its owner last saw it end
 */
export async function verifyChainedLog(
  path: string,
  isSigned: SignatureCheck,
  { knownHead, knownEnd }: { knownHead?: string | undefined; knownEnd?: KnownEnd | undefined } = {},
): Promise<LogReport> {
  const findings: LogFinding[] = [];
  const known = knownHead === undefined ? undefined : await readHead(knownHead);
  let knownHash: string | undefined;
  let seenHash: string | undefined;
  const times: string[] = [];
  let before = START;
  let line = 0;
  // Of a log that was removed there is the head.
  const isGone = !existsSync(path) && (existsSync(headPath(path)) || knownEnd !== undefined);
  for await (const { text, isWhole } of isGone ? [] : readLines(path)) {
    line += 1;
    const entry = isWhole ? parseEntry(text) : undefined;
    if (!entry) {
      findings.push({ line, problem: 'it is no entry: cut or changed' });
      continue;
    }
    findings.push(...entryFindings(entry, { before, line }));
    before = { seq: entry.seq, hash: entry.hash };
    if (entry.seq === known?.seq) knownHash = entry.hash;
    if (entry.seq === knownEnd?.seq) seenHash = entry.hash;
    times[times.length === 0 ? 0 : 1] = entry.time;
  }
  findings.push(...(await headFindings(path, before, isSigned)));
  if (knownHead !== undefined) findings.push(...knownFindings(known, { knownHash, isSigned, end: before }));
  if (knownEnd && seenHash !== knownEnd.hash) {
    const had = `entry ${knownEnd.seq} of it was seen before`;
    const problem =
      before.seq < knownEnd.seq
        ? `it ends at entry ${before.seq}, and ${had}`
        : `${had}, and was another one`;
    findings.push({ line: 0, problem });
  }
  return { entries: line, first: times[0], last: times[1] ?? times[0], findings };
}

/** What an earlier head says against a log. */
function knownFindings(
  known: LogHead | undefined,
  { knownHash, isSigned, end }: { knownHash: string | undefined; isSigned: SignatureCheck; end: End },
): LogFinding[] {
  const found = (problem: string) => [{ line: 0, problem }];
  if (!known) return found('the known head cannot be read');
  const { seq, hash, signature, certificate } = known;
  if (!isSigned(canonicalJson({ seq, hash }), signature, certificate))
    return found('the known head is not signed by the participant whose log it is');
  if (end.seq < seq)
    return found(`it ends at entry ${end.seq}, and a head of entry ${seq} is known: it is an older copy`);
  return knownHash === hash || seq === 0
    ? []
    : found(`entry ${seq} is not the one of the known head: it was rewritten`);
}

/** Where a log ends, by its head; undefined where that is not there, or cannot be read. */
export function headOf(path: string): Promise<LogHead | undefined> {
  return readHead(headPath(path));
}

async function readHead(path: string): Promise<LogHead | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : logHead.safeParse(parseJson(text)).data;
}

function entryFindings(entry: Entry, { before, line }: { before: End; line: number }): LogFinding[] {
  const { hash, ...content } = entry;
  const follows = entry.previous === before.hash && entry.seq === before.seq + 1;
  return [
    ...(sha256(canonicalJson(content)) === hash ? [] : [{ line, problem: 'it was changed' }]),
    ...(follows
      ? []
      : [{ line, problem: `it does not follow entry ${before.seq}: lines were cut, added or moved` }]),
  ];
}

async function headFindings(path: string, end: End, isSigned: SignatureCheck): Promise<LogFinding[]> {
  const found = (line: number, problem: string) => [{ line, problem }];
  const text = await readFile(headPath(path), 'utf8').catch(() => undefined);
  if (text === undefined) return found(0, `${headPath(path)}, which says where it ends, is missing`);
  const head = logHead.safeParse(parseJson(text)).data;
  if (!head) return found(0, `${headPath(path)}, which says where it ends, cannot be read`);
  const { seq, hash, signature, certificate } = head;
  if (!isSigned(canonicalJson({ seq, hash }), signature, certificate))
    return found(0, 'where it ends is not signed by the participant whose log it is');
  if (end.seq < seq) return found(end.seq, `it ends at entry ${end.seq} of ${seq}: lines were cut off`);
  // A crash between a line and its head leaves one line more.
  if (end.seq > seq + 1) return found(seq + 1, 'it goes on after its signed end');
  return end.seq === seq && end.hash !== hash
    ? found(seq, 'its last entry is not the one that was signed')
    : [];
}

function headPath(path: string): string {
  return `${path}.head`;
}

/** Where an existing log ends; a line that a crash cut short is dropped. @throws NF_AUDIT_DAMAGED */
async function resume(file: FileHandle, path: string, isSigned: SignatureCheck): Promise<End> {
  const { size } = await file.stat();
  const start = Math.max(0, size - TAIL_BYTES);
  const tail = Buffer.alloc(size - start);
  await file.read(tail, 0, tail.length, start);
  const end = tail.lastIndexOf(0x0a) + 1;
  const last =
    end === 0 && start === 0
      ? START
      : parseEntry(tail.toString('utf8', tail.lastIndexOf(0x0a, end - 2) + 1, end - 1));
  const problem = last ? await problemOfEnd(path, last, isSigned) : 'it does not end with an entry';
  if (!last || problem !== undefined)
    throw flError('NF_AUDIT_DAMAGED', { path, reason: problem ?? '' }, { place: { file: path } });
  if (end < tail.length) await file.truncate(start + end);
  return last;
}

/** A crash may leave a first line without a head. */
async function problemOfEnd(path: string, last: End, isSigned: SignatureCheck): Promise<string | undefined> {
  if (last.seq <= 1 && !existsSync(headPath(path))) return undefined;
  return (await headFindings(path, last, isSigned))[0]?.problem;
}

async function writeHead(path: string, { seq, hash }: End, key: LogKey): Promise<void> {
  const signature = key.sign(canonicalJson({ seq, hash }));
  const head = { seq, hash, signature, certificate: key.certificate };
  await writeFileAtomic(headPath(path), prettyJson(head), { mode: 0o600 });
}

function parseEntry(text: string): Entry | undefined {
  return entrySchema.safeParse(parseJson(text)).data;
}

function withoutGaps(content: object): object {
  return Object.fromEntries(Object.entries(content).filter(([, value]) => value !== undefined));
}

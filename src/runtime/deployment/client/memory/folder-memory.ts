import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { z } from 'zod';
import { prettyJson } from '../../../base/digest.ts';
import type { NeuroflareError } from '../../../base/errors/errors.ts';
import { writeFileAtomic } from '../../../base/files/files.ts';
import { readOrSetAside, readRecord } from '../../../base/files/record-file.ts';
import { counted } from '../../../base/text/counted.ts';
import { type KnownEnd, knownEnds } from '../../../network/messages/log-head.ts';
import { headOf } from '../../../security/logs/chained-log.ts';
import type { ClientFolder } from './client-folder.ts';
import { workLost, workRecord } from './work-record.ts';

const FORM = workRecord(
  z.strictObject({
    instance: z.uuid(),
    /** What was here when it was last looked; not written by version 0.1.0. */
    kept: z.strictObject({ files: z.array(z.string()), logs: knownEnds }).optional(),
  }),
  {
    what: 'What a client remembers of its work folder',
    mend: 'It begins anew, and the damaged file is kept beside it. What else was removed from the folder before cannot be told.',
  },
);
type Kept = NonNullable<z.output<typeof FORM.schema>['kept']>;

/** What must not go unnoticed, and what its loss means. */
function lossesOf(folder: ClientFolder): readonly (readonly [path: string, meaning: string])[] {
  return [
    [folder.approvals, 'no code counts as approved until it is approved again'],
    [folder.peersSeen, 'each other site is taken with the first key that it is seen with, again'],
    [folder.peersApproved, 'no key of another site counts as approved until it is approved again'],
    [folder.stopped, 'what the log of decisions knows is put back at the start of the client'],
    [folder.taken, 'jobs that the audit log has seen here do not run again'],
    [folder.revoked, 'until the server passes it on, those who were revoked since the kit was made count'],
    [folder.privacyEnd, 'an older copy of the privacy ledger is not noticed'],
    [folder.serverAudit, 'an older audit log of the server is not noticed'],
    [folder.egressOpen, 'what left in the last minute before may stand in no line of the ledger'],
  ];
}

function logsOf({ audit, approvalAudit, egress }: ClientFolder): readonly string[] {
  return [audit, approvalAudit, egress];
}

/** What of a work folder is gone, or older than it was, since a client last looked. Reads only. */
export async function lossesSince(folder: ClientFolder): Promise<NeuroflareError[]> {
  return lossesBy(folder, (await readRecord(folder.instance, FORM))?.kept);
}

async function lossesBy(folder: ClientFolder, kept: Kept | undefined): Promise<NeuroflareError[]> {
  if (!kept) return [];
  const known = new Set(kept.files);
  const gone = lossesOf(folder).filter(([path]) => known.has(basename(path)) && !existsSync(path));
  const logs = await Promise.all(logsOf(folder).map((path) => lossOfLog(path, kept.logs[basename(path)])));
  return [...gone.map(([path, meaning]) => workLost(path, `it is gone: ${meaning}`)), ...logs.flat()];
}

async function lossOfLog(path: string, end: KnownEnd | undefined): Promise<NeuroflareError[]> {
  if (!end) return [];
  const had = counted(end.seq, 'entry', 'entries');
  const head = await headOf(path);
  // Where the head alone is gone, or the log alone, whoever opens the log says so.
  if (!head) return existsSync(path) ? [] : [workLost(path, `it is gone with its .head, and had ${had}`)];
  if (head.seq < end.seq) return [workLost(path, `it ends at entry ${head.seq}, and had ${had} before`)];
  const isOther = head.seq === end.seq && head.hash !== end.hash;
  return isOther ? [workLost(path, `its entry ${end.seq} is another one than before`)] : [];
}

/** What stands in a folder in which no client has run yet: somebody has put it there. */
function broughtAlong(folder: ClientFolder): NeuroflareError[] {
  const names = lossesOf(folder)
    .map(([path]) => path)
    .filter((path) => existsSync(path))
    .map((path) => basename(path));
  if (names.length === 0) return [];
  const reason = `no client has run in it, and it holds ${names.join(', ')}; what is approved there counts as not approved`;
  return [workLost(folder.root, reason)];
}

/** Remembers what is in a work folder, so that what vanishes is noticed at the next start. */
export class FolderMemory {
  /** The same at every start in this folder. */
  readonly instance: string;
  readonly #folder: ClientFolder;
  #written: string;
  #writing: Promise<void> = Promise.resolve();

  private constructor(folder: ClientFolder, { instance, written }: { instance: string; written: string }) {
    this.#folder = folder;
    this.instance = instance;
    this.#written = written;
  }

  /** `losses`: what is gone since, damaged, or older than it was. */
  static async open(
    folder: ClientFolder,
  ): Promise<{ readonly memory: FolderMemory; readonly losses: readonly NeuroflareError[] }> {
    const { value, trouble } = await readOrSetAside(folder.instance, FORM);
    const written = value ? prettyJson(value) : '';
    const memory = new FolderMemory(folder, { instance: value?.instance ?? randomUUID(), written });
    const losses = trouble ? [trouble] : await lossesBy(folder, value?.kept);
    const isOld = logsOf(folder).some((path) => existsSync(path));
    if (!value && !trouble && isOld)
      losses.push(workLost(folder.instance, 'it is gone, and with it what else was here'));
    if (!value && !trouble && !isOld) losses.push(...broughtAlong(folder));
    return { memory, losses };
  }

  /** Durable when it returns. */
  note(): Promise<void> {
    const noted = this.#writing.then(() => this.#note());
    this.#writing = noted.catch(() => undefined);
    return noted;
  }

  async #note(): Promise<void> {
    const folder = this.#folder;
    const files = lossesOf(folder)
      .map(([path]) => path)
      .filter((path) => existsSync(path));
    const ends = await Promise.all(
      logsOf(folder).map(async (path) => [basename(path), await headOf(path)] as const),
    );
    const logs = Object.fromEntries(
      ends.flatMap(([name, head]) => (head ? [[name, { seq: head.seq, hash: head.hash }]] : [])),
    );
    const text = prettyJson({
      instance: this.instance,
      kept: { files: files.map((path) => basename(path)), logs },
    });
    if (text === this.#written) return;
    await writeFileAtomic(folder.instance, text);
    this.#written = text;
  }
}

import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { partsOfTask } from '../../../algorithms/task.ts';
import { prettyJson, sha256File } from '../../../base/digest.ts';
import { flError } from '../../../base/errors/errors.ts';
import { clearFolder } from '../../../base/files/clear-folder.ts';
import { makeFolder, syncFolder, writeFileAtomic } from '../../../base/files/files.ts';
import { readRecord } from '../../../base/files/record-file.ts';
import { type SiteState, siteStateSchema } from '../../../masking/session/site-side.ts';
import type { SiteJobFolder } from '../memory/client-folder.ts';
import { workFileFault } from '../memory/work-record.ts';
import { type Outbox, outboxSchema } from '../tasks/outbox.ts';

/** What a site has of a round until its sum is open: files for this user alone, which outlive the client. */

const OWN = { mode: 0o600 } as const;

const heldSchema = z.strictObject({
  version: z.literal(1),
  /** Of the task that it answers, with all that this began with. */
  key: z.string(),
  outbox: outboxSchema,
});
/** The answer to a training task, with its update, which stays here. */
export type HeldUpdate = z.output<typeof heldSchema>;

const storedSchema = z.strictObject({
  version: z.literal(1),
  session: siteStateSchema,
  /** Digests of the files of the update that the session's masks are for, by name: with another one under them they would tell the difference. */
  update: z.record(z.string(), z.string()),
});
export type StoredSession = z.output<typeof storedSchema>;

const formOf = <Schema extends z.ZodType>(schema: Schema, what: string) => ({
  schema,
  damaged: (found: { readonly path: string; readonly reason: string }) =>
    workFileFault({
      ...found,
      what,
      mend: 'This site takes no part in the sum of this round any more; the next round begins anew.',
    }),
});
const HELD = formOf(heldSchema, 'The update that is to be summed up in secret');
const SESSION = formOf(storedSchema, 'What a site knows of a sum in secret');

export class SessionStore {
  readonly #folder: Pick<SiteJobFolder, 'masked'>;

  constructor(folder: Pick<SiteJobFolder, 'masked'>) {
    this.#folder = folder;
  }

  get #held(): string {
    return join(this.#folder.masked, 'update.json');
  }

  get #session(): string {
    return join(this.#folder.masked, 'session.json');
  }

  /** @throws NF_WORK_FILE */
  held(): Promise<HeldUpdate | undefined> {
    return readRecord(this.#held, HELD);
  }

  /** @throws NF_WORK_FILE */
  session(): Promise<StoredSession | undefined> {
    return readRecord(this.#session, SESSION);
  }

  /** Takes the files of an answer out of the way of what is sent. Durable when it returns. */
  async hold(key: string, outbox: Outbox): Promise<void> {
    const { masked } = this.#folder;
    await makeFolder(masked, { mode: 0o700 });
    await rm(this.#held, { force: true });
    if (!('result' in outbox.answer)) throw new Error('A failure has no update.');
    const { result, files } = outbox.answer;
    const moved: Record<string, string> = {};
    for (const [name, path] of Object.entries(files)) {
      moved[name] = join(masked, `update.${name}`);
      await rename(path, moved[name]);
    }
    await syncFolder(masked);
    const held: HeldUpdate = { version: 1, key, outbox: { ...outbox, answer: { result, files: moved } } };
    await writeFileAtomic(this.#held, prettyJson(held), OWN);
  }

  /** Durable when it returns: before anything leaves that depends on it. */
  async keep(session: SiteState, update: StoredSession['update']): Promise<void> {
    const stored: StoredSession = { version: 1, session, update };
    await writeFileAtomic(this.#session, prettyJson(stored), OWN);
  }

  /** The files that the masks of a session are for. @throws NF_SECAGG_SESSION where they are not what they were */
  async filesOf({ update }: StoredSession): Promise<Readonly<Record<string, string>>> {
    const { answer } = (await this.held())?.outbox ?? {};
    const gone = (reason: string) => flError('NF_SECAGG_SESSION', { reason });
    if (!answer || !('result' in answer)) throw gone('its update of the round is not here any more');
    for (const [name, sha256] of Object.entries(update)) {
      const found = await sha256File(answer.files[name] ?? '').catch(() => undefined);
      if (found !== sha256)
        throw gone(`its '${name}' is another than the one that the masks of this session are for`);
    }
    return answer.files;
  }

  /** What is of a round before this one is over: its secrets open nothing any more, and are nobody's business. */
  async forgetBefore(round: number): Promise<void> {
    const held = async () => {
      const { answer } = (await this.held())?.outbox ?? {};
      return answer && 'result' in answer ? partsOfTask(answer.result.task).round : undefined;
    };
    const session = async () => (await this.session())?.session.about.round;
    // Of what is damaged nobody knows its round: it serves no later one.
    const isOver = async (roundOf: () => Promise<number | undefined>) =>
      roundOf().then(
        (own) => own !== undefined && own < round,
        () => true,
      );
    if ((await isOver(held)) || (await isOver(session))) await clearFolder(this.#folder.masked);
  }
}

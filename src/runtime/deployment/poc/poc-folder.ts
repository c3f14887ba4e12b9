import type { Stats } from 'node:fs';
import { lstat, mkdir, readdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { prettyJson } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { writeFileAtomic } from '../../base/files/files.ts';
import { readInputText } from '../../base/files/read-file.ts';
import { compareSites } from '../../base/site-order.ts';

/**
 * A federation on one machine:
 *
 *     poc.json                what it consists of
 *     poc/                    authority and startup kits, as `provision` makes them
 *     logs/<name>.log         what each process says
 *     processes.json          the processes that run
 */
export interface PocFolder {
  readonly root: string;
  readonly kits: string;
  readonly processes: string;
  readonly card: string;
  /** Folders that lie where everybody on the machine may put some, from above. */
  readonly open: readonly string[];
  log(name: string): string;
}

/** Of the mode of a file. */
const WRITTEN_BY_ALL = 0o002;
export const POC_PROJECT = 'poc';
export const POC_SERVER = 'server';
export const POC_ADMIN = 'admin@poc.local';

const cardSchema = z.strictObject({
  version: z.literal(1),
  /** Ids of kits under `config`, of the admins here. */
  config_ids: z.array(z.string()),
  /** What was in use before. */
  active_before: z.string().optional(),
});
export type PocCard = z.output<typeof cardSchema>;

/** NEUROFLARE_POC_WORKSPACE, else neuroflare/poc in the folder for temporary files. */
export function pocFolder(given: string | undefined): PocFolder {
  const chosen = given ?? process.env.NEUROFLARE_POC_WORKSPACE;
  const above = resolve(tmpdir(), 'neuroflare');
  const root = chosen ? resolve(chosen) : join(above, 'poc');
  return {
    root,
    open: chosen ? [] : [above, root],
    kits: join(root, POC_PROJECT),
    processes: join(root, 'processes.json'),
    card: join(root, 'poc.json'),
    log: (name) => join(root, 'logs', `${name}.log`),
  };
}

/**
 * Makes sure that what lies in the folder is this user's: kits of another would let that one run what he likes as this user.
 * @throws NF_POC_FOREIGN
 */
export async function requireOwnPlace({ open }: Pick<PocFolder, 'open'>): Promise<void> {
  for (const path of open) {
    const found = await lstat(path).catch(() => undefined);
    const reason = found && reasonAgainst(found);
    if (reason !== undefined) throw flError('NF_POC_FOREIGN', { path, reason }, { place: { file: path } });
  }
}

function reasonAgainst(found: Stats): string | undefined {
  if (!found.isDirectory()) return 'it is a link or a file';
  const user = process.getuid?.();
  if (user === undefined) return undefined;
  if (found.uid !== user) return 'it belongs to another user';
  return found.mode & WRITTEN_BY_ALL ? 'all users of this machine may write to it' : undefined;
}

/** Takes the place before anybody else does. @throws NF_POC_FOREIGN */
export async function takePlace(folder: Pick<PocFolder, 'open'>): Promise<void> {
  for (const path of folder.open)
    await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  await requireOwnPlace(folder);
}

/** @throws NF_POC_NONE, NF_POC_FOREIGN */
export async function readCard({ card, root, open }: PocFolder): Promise<PocCard> {
  await requireOwnPlace({ open });
  try {
    return cardSchema.parse(JSON.parse(await readInputText(card)));
  } catch (cause) {
    throw flError('NF_POC_NONE', { path: root }, { place: { file: root }, cause });
  }
}

export async function writeCard({ card }: PocFolder, content: PocCard): Promise<void> {
  await writeFileAtomic(card, prettyJson(content));
}

/** Kits by participant; of several with one name the newest. */
export async function pocKits({ kits }: PocFolder): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const rounds = (await readdir(kits).catch(() => []))
    .filter((name) => /^prod_\d+$/.test(name))
    .sort(compareSites);
  for (const round of rounds)
    for (const name of await readdir(join(kits, round)))
      if ((await stat(join(kits, round, name))).isDirectory()) found.set(name, join(kits, round, name));
  return found;
}

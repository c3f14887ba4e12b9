import { readdir, stat } from 'node:fs/promises';
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
  log(name: string): string;
}

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
  const root = resolve(
    given ?? (process.env.NEUROFLARE_POC_WORKSPACE || join(tmpdir(), 'neuroflare', 'poc')),
  );
  return {
    root,
    kits: join(root, POC_PROJECT),
    processes: join(root, 'processes.json'),
    card: join(root, 'poc.json'),
    log: (name) => join(root, 'logs', `${name}.log`),
  };
}

/** @throws NF_POC_NONE */
export async function readCard({ card, root }: PocFolder): Promise<PocCard> {
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

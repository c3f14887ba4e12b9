import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { flError } from '../base/errors/errors.ts';
import { reasonOf } from '../base/errors/reason-of.ts';
import { changeUserConfig, readUserConfig, type UserConfig } from '../base/files/config-file.ts';
import { counted } from '../base/text/counted.ts';
import { didYouMean } from '../base/text/nearest.ts';
import { shellWord } from '../base/text/shell-word.ts';
import { isoDay } from './certificate/iso-day.ts';
import { type KitReport, verifyKit, WARN_DAYS } from './kit/verify.ts';

/** The kits a user works with, by short names; `config add` and its sisters. */

const ID = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$/;

export interface RegisteredKit {
  /** Undefined for a kit given by its folder. */
  readonly id: string | undefined;
  readonly active: boolean;
  readonly path: string;
  /** Undefined if the folder is no kit (any more); `problem` says why. */
  readonly report: KitReport | undefined;
  readonly problem?: string;
}

/** Remembers a kit and the authority it trusts; the first one is in use at once. */
export async function addKit(
  config: string,
  { id, dir, force }: { id: string; dir: string; force: boolean },
): Promise<RegisteredKit> {
  if (!ID.test(id) || id === '__proto__') throw flError('NF_CONFIG_ID', { id });
  const path = resolve(dir);
  const report = await verifyKit(path);
  const root = report.rootFingerprint;
  const [fault] = report.faults;
  if (root === undefined || fault) {
    const faults = `${report.faults.map(({ message }) => message).join('; ') || 'startup/rootCA.pem was changed'}.`;
    const place = { file: join(path, fault?.file ?? 'startup') };
    throw flError('NF_KIT_FAULTY', { faults, mend: fault?.mend ?? '' }, { place });
  }
  let active = false;
  await changeUserConfig(config, (before) => {
    const taken = before.kits[id];
    if (taken && taken.path !== path && !force) throw flError('NF_CONFIG_TAKEN', { id, path: taken.path });
    active = before.active === undefined || before.active === id;
    const kits = { ...before.kits, [id]: { path, root_sha256: root } };
    return { version: 1, active: before.active ?? id, kits };
  });
  return { id, active, path, report };
}

export async function useKit(config: string, id: string): Promise<void> {
  await changeUserConfig(config, (before) => {
    mustKnow(before, id);
    return { ...before, active: id };
  });
}

/** Forgets the name; the kit's folder stays. */
export async function removeKit(config: string, id: string): Promise<{ path: string; wasActive: boolean }> {
  let removed = { path: '', wasActive: false };
  await changeUserConfig(config, ({ active, kits }) => {
    removed = { path: mustKnow({ version: 1, kits }, id).path, wasActive: active === id };
    const left = Object.fromEntries(Object.entries(kits).filter(([key]) => key !== id));
    return { version: 1, kits: left, ...(active !== undefined && active !== id && { active }) };
  });
  return removed;
}

export async function listKits(config: string): Promise<RegisteredKit[]> {
  const { active, kits } = await readUserConfig(config);
  const ids = Object.keys(kits).sort();
  return Promise.all(
    ids.map((id) => look({ id, active: id === active, ...mustKnow({ version: 1, kits }, id) })),
  );
}

/** A kit by its id or its folder, or the one in use. @throws NF_CONFIG_UNKNOWN, NF_CONFIG_NONE, NF_KIT_NOT_FOUND */
export async function inspectKit(
  config: string,
  which: string | undefined,
): Promise<RegisteredKit & { report: KitReport }> {
  const { path, id, active, root_sha256 } = await findKit(config, which);
  const report = await verifyKit(path, { rootFingerprint: root_sha256 });
  return { id, active, path, report };
}

/** Where the kit lies that a command should use. */
export async function findKit(
  config: string,
  which: string | undefined,
): Promise<{ id: string | undefined; path: string; active: boolean; root_sha256?: string }> {
  const settings = await readUserConfig(config);
  const id = which ?? settings.active;
  if (id === undefined) throw flError('NF_CONFIG_NONE');
  const known = Object.hasOwn(settings.kits, id) ? settings.kits[id] : undefined;
  if (known) return { id, active: id === settings.active, ...known };
  const folder = await stat(id).catch(() => undefined);
  if (folder?.isDirectory()) return { id: undefined, path: resolve(id), active: false };
  throw unknown(settings, id);
}

/** What a kit's holder should do soon: nothing until 30 days before it ends. */
export function expiryWarning({ daysLeft, expires, participant }: KitReport): string | undefined {
  if (daysLeft === undefined || expires === undefined || daysLeft < 0 || daysLeft > WARN_DAYS)
    return undefined;
  const left = counted(daysLeft, 'day');
  return `The certificate ends in ${left}, on ${isoDay(expires)}: have the coordinator run 'neuroflare provision --workspace WORKSPACE --renew ${shellWord(participant)}'.`;
}

async function look(kit: {
  id: string;
  active: boolean;
  path: string;
  root_sha256: string;
}): Promise<RegisteredKit> {
  const { id, active, path, root_sha256 } = kit;
  try {
    return { id, active, path, report: await verifyKit(path, { rootFingerprint: root_sha256 }) };
  } catch (error) {
    return {
      id,
      active,
      path,
      report: undefined,
      problem: reasonOf(error),
    };
  }
}

function mustKnow(config: UserConfig, id: string): UserConfig['kits'][string] {
  const kit = Object.hasOwn(config.kits, id) ? config.kits[id] : undefined;
  if (!kit) throw unknown(config, id);
  return kit;
}

function unknown({ kits }: UserConfig, id: string) {
  return flError('NF_CONFIG_UNKNOWN', { id, nearest: didYouMean(id, Object.keys(kits)) });
}

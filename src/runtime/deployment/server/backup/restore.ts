import { readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { sha256File } from '../../../base/digest.ts';
import { flError } from '../../../base/errors/errors.ts';
import { copyFileAtomic, makeFolder } from '../../../base/files/files.ts';
import { ownFolder } from '../../../base/files/own-folder.ts';
import { DATABASE, MANIFEST, manifestSchema } from './backup.ts';

/**
 * Puts a backup where a server will look for its state. Every file is compared with the backup's list first.
 * @throws NF_BACKUP_BROKEN, NF_BACKUP_EXISTS, NF_PATH_MISSING
 */
export async function restoreServer(
  backup: string,
  stateDir: string,
): Promise<{ folder: string; files: number; created: string }> {
  const source = resolve(backup);
  const target = resolve(stateDir);
  if ((await readdir(target).catch(() => [])).length > 0)
    throw flError('NF_BACKUP_EXISTS', { path: stateDir }, { place: { file: stateDir } });
  await stat(source).catch((cause: unknown) => {
    throw flError('NF_PATH_MISSING', { what: 'Backup', path: backup }, { place: { file: backup }, cause });
  });
  const { files, created } = await readManifest(source);
  if (!files.some(({ path }) => path === DATABASE)) throw broken(backup, `it has no ${DATABASE}`);
  const partial = `${target}.restoring`;
  try {
    await rm(partial, { recursive: true, force: true });
    await ownFolder(partial);
    for (const { path, sha256 } of files) {
      const from = resolve(source, path);
      if (!from.startsWith(source + sep)) throw broken(backup, `'${path}' lies outside it`);
      const found = await sha256File(from).catch(() => undefined);
      if (found !== sha256)
        throw broken(backup, found === undefined ? `${path} is missing` : `${path} was changed`);
      await copyFileAtomic(from, join(partial, path));
    }
    await makeFolder(dirname(target));
    await rm(target, { recursive: true, force: true });
    await rename(partial, target);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return { folder: target, files: files.length, created };
}

async function readManifest(source: string) {
  try {
    return manifestSchema.parse(JSON.parse(await readFile(join(source, MANIFEST), 'utf8')));
  } catch {
    throw broken(source, `${MANIFEST} is missing or cannot be read`);
  }
}

function broken(path: string, reason: string) {
  return flError('NF_BACKUP_BROKEN', { path, reason }, { place: { file: path } });
}

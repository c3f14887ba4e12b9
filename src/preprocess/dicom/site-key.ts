import { createHmac, randomBytes } from 'node:crypto';
import { link, readFile, realpath, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import { userConfigPath } from '../../runtime/base/files/config-file.ts';
import { writeFileAtomic } from '../../runtime/base/files/files.ts';

const FIRST_LINE = 'neuroflare-dicom-key-1';
const BYTES = 32;
/** Bits for everybody but the owner. */
const OTHERS = 0o077;

/** What only the site has: names of subjects and shifts of dates follow from it, and from nothing else. */
export interface SiteKey {
  /** Hexadecimal letters that stand for a value in the given role; without the key nobody can tell the value. */
  label(role: string, value: string, letters: number): string;
  /** A whole number from 0 up to below `bound` that belongs to a value. */
  number(role: string, value: string, bound: number): number;
}

/** The user's own key, where no file is named. */
export function defaultKeyPath(): string {
  return join(dirname(userConfigPath()), 'dicom.key');
}

/** A key for one look at a folder: what it names has other names the next time. */
export function passingKey(): SiteKey {
  return keyOf(randomBytes(BYTES));
}

/**
 * The key in a file; `make`: a new one where there is none, readable for its owner alone.
 * @throws NF_DICOM_KEY for what is no key; NF_DICOM_KEY_OPEN where others may read it
 */
export async function openSiteKey(path: string, { make }: { make: boolean }): Promise<SiteKey | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text !== undefined) {
    const { mode } = await stat(path);
    if (process.platform !== 'win32' && (mode & OTHERS) !== 0)
      throw flError('NF_DICOM_KEY_OPEN', { path }, { place: { file: path } });
    return keyOf(parse(text, path));
  }
  if (!make) return undefined;
  await makeKey(path);
  return openSiteKey(path, { make: false });
}

/** Of two imports that begin at once the first makes the key, for both. */
async function makeKey(path: string): Promise<void> {
  const made = `${path}.${process.pid}.new`;
  await writeFileAtomic(made, `${FIRST_LINE}\n${randomBytes(BYTES).toString('base64')}\n`, { mode: 0o600 });
  try {
    await link(made, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(made, { force: true });
  }
}

/** A key must not travel with the data that it protects. @throws NF_DICOM_KEY_INSIDE */
export async function checkKeyPlace(key: string, folders: readonly string[]): Promise<void> {
  const real = async (path: string) => realpath(path).catch(() => resolve(path));
  const place = await real(dirname(resolve(key)));
  for (const folder of folders) {
    const root = await real(folder);
    if (place === root || place.startsWith(root + sep))
      throw flError('NF_DICOM_KEY_INSIDE', { path: key, folder }, { place: { file: key } });
  }
}

function parse(text: string, path: string): Uint8Array {
  const [first, line = ''] = text.split(/\r?\n/);
  const secret = Buffer.from(line, 'base64');
  if (first === FIRST_LINE && secret.length === BYTES) return secret;
  throw flError('NF_DICOM_KEY', { path }, { place: { file: path } });
}

function keyOf(secret: Uint8Array): SiteKey {
  const digest = (role: string, value: string) =>
    createHmac('sha256', secret).update(`${role}\0${value}`).digest();
  return {
    label: (role, value, letters) => digest(role, value).toString('hex').slice(0, letters),
    number: (role, value, bound) => Number(digest(role, value).readBigUInt64BE() % BigInt(bound)),
  };
}

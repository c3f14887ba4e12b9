import { constants } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { linkFault } from '../../../preprocess/content/absent.ts';
import { flError } from '../../base/errors/errors.ts';
import { NO_LINK, NO_WAIT } from '../../base/files/open-flags.ts';

/** A file below a folder that may be shown. */
export interface Shown {
  readonly root: string;
  /** From the root, with /. */
  readonly path: string;
}

export interface OpenedFile {
  readonly file: FileHandle;
  readonly size: number;
  readonly path: string;
}

const FLAGS = constants.O_RDONLY | NO_WAIT | NO_LINK;

/** The files that the page may ask for: each was listed, and is asked for by its number. Nobody can name a path. */
export class ServedFiles {
  readonly #numbers = new Map<string, number>();
  readonly #files: Shown[] = [];

  /** The number of a file; the same one whenever the file is listed again. */
  add(shown: Shown): number {
    const key = `${shown.root}\0${shown.path}`;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#files.push(shown) - 1;
      this.#numbers.set(key, number);
    }
    return number;
  }

  /**
   * Opens a file by its number. Links are followed where they stay in the folder, as everywhere in BIDS.
   * @throws NF_VIEW_UNKNOWN, NF_VIEW_FILE, NF_BIDS_CONTENT_ABSENT, NF_BIDS_LINK
   */
  async open(number: string): Promise<OpenedFile> {
    const shown = /^\d{1,9}$/.test(number) ? this.#files[Number(number)] : undefined;
    if (!shown) throw flError('NF_VIEW_UNKNOWN');
    const { path } = shown;
    const real = await insideOf(shown);
    // Before it is opened: to open some devices does something.
    if (!(await stat(real)).isFile()) throw refused(path, 'it is no regular file');
    const file = await open(real, FLAGS);
    const found = await file.stat();
    if (found.isFile()) return { file, size: found.size, path };
    await file.close();
    throw refused(path, 'it is no regular file');
  }
}

/** Where the file really lies. */
async function insideOf({ root, path }: Shown): Promise<string> {
  const whole = join(root, path);
  const real = await realpath(whole).catch(async (cause: unknown) => {
    throw (await linkFault(whole)) ?? flError('NF_VIEW_UNKNOWN', {}, { cause });
  });
  if (!real.startsWith((await realpath(root)) + sep)) throw refused(path, 'it lies out of its folder');
  return real;
}

function refused(path: string, reason: string) {
  return flError('NF_VIEW_FILE', { path, reason }, { place: { file: path } });
}

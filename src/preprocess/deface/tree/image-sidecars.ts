import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { flError } from '../../../runtime/base/errors/errors.ts';
import { readContent } from '../../bids/read-inside.ts';
import { objectOf, type Sidecar } from '../../bids/sidecar.ts';

/** What the sidecars of a data set say of its images, by the inheritance principle of BIDS: the nearer, the stronger. */
export class ImageSidecars {
  readonly #root: string;
  readonly #names = new Map<string, Promise<string[]>>();

  constructor(root: string) {
    this.#root = root;
  }

  /**
   * @param image below the data set
   * @returns all that is said of it, and what is said of it in its own folder
   * @throws NF_DEFACE_SIDECAR; as `readContent`
   */
  async of(image: string): Promise<{ all: Sidecar; near: Sidecar }> {
    const own = dirname(image);
    const parts = own.split('/');
    const folders = ['', ...parts.map((_, at) => parts.slice(0, at + 1).join('/'))];
    let [all, near]: [Sidecar, Sidecar] = [{}, {}];
    for (const folder of folders) {
      for (const name of await this.#fitting(folder, image)) {
        const said = await this.#read(folder === '' ? name : `${folder}/${name}`);
        all = { ...all, ...said };
        if (folder === own) near = { ...near, ...said };
      }
    }
    return { all, near };
  }

  /** Those with fewer entities first. */
  async #fitting(folder: string, image: string): Promise<string[]> {
    const names = this.#names.get(folder) ?? readdir(join(this.#root, folder));
    // Subjects come and go; the root is asked for again and again.
    if (folder === '') this.#names.set(folder, names);
    return (await names)
      .filter((name) => fits(name, image))
      .sort((a, b) => a.split('_').length - b.split('_').length);
  }

  async #read(file: string): Promise<Sidecar> {
    const path = join(this.#root, file);
    const said = objectOf(await readContent(this.#root, path));
    if (!said) throw flError('NF_DEFACE_SIDECAR', { file: path }, { place: { file: path } });
    return said;
  }
}

/** Whether a sidecar is about an image: it has its suffix, and no entity that the image has not. */
export function fits(sidecar: string, image: string): boolean {
  if (!sidecar.endsWith('.json')) return false;
  const wished = sidecar.slice(0, -'.json'.length).split('_');
  const found = stemOf(image).split('_');
  return wished.at(-1) === found.at(-1) && wished.every((part) => found.includes(part));
}

/** The last part of an image's name, as `T1w`. */
export function suffixOf(image: string): string {
  return stemOf(image).split('_').at(-1) ?? '';
}

/** Name of an image without its ending. */
function stemOf(image: string): string {
  return basename(image).replace(/\.nii(\.gz)?$/, '');
}

import { randomBytes } from 'node:crypto';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, syncFolder } from '../../base/files/files.ts';

const BLOB = /^[0-9a-f]{64}$/;

/** Files named by the SHA-256 of what they hold, in one folder. A name that is there stands for whole and durable bytes. */
export class BlobFolder {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  at(sha256: string): string {
    if (!BLOB.test(sha256)) throw new Error(`'${sha256}' is no digest.`);
    return join(this.root, sha256);
  }

  /** Bytes of a blob, or undefined if it is not there. */
  async size(sha256: string): Promise<number | undefined> {
    return (await stat(this.at(sha256)).catch(() => undefined))?.size;
  }

  /** A path in the folder for bytes that have no name yet. */
  async draft(): Promise<string> {
    await makeFolder(this.root);
    return join(this.root, `${process.pid}-${randomBytes(6).toString('hex')}.draft`);
  }

  /** Takes in a durable file whose digest the caller knows. */
  async adopt(path: string, sha256: string): Promise<void> {
    await makeFolder(this.root);
    await rename(path, this.at(sha256));
    await syncFolder(this.root);
  }

  async remove(sha256: string): Promise<void> {
    await rm(this.at(sha256), { force: true });
  }

  /** Removes everything but these. */
  async keepOnly(wanted: ReadonlySet<string>): Promise<void> {
    const names = await readdir(this.root).catch(() => []);
    await Promise.all(
      names.filter((name) => !wanted.has(name)).map((name) => rm(join(this.root, name), { force: true })),
    );
  }
}

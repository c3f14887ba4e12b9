import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** A new empty folder that is removed when the tests of the file have ended. Call it at the top of a file or suite. */
export function tempFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'neuroflare-test-')));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

import { execFile } from 'node:child_process';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';

const clone = tempFolder();

describe('a clone that was not built', () => {
  it('says what to do, in place of a stack', async () => {
    await mkdir(join(clone, 'bin'));
    await cp(join(import.meta.dirname, '../../bin'), join(clone, 'bin'), { recursive: true });
    await cp(join(import.meta.dirname, '../../package.json'), join(clone, 'package.json'));
    const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) =>
      execFile(process.execPath, [join(clone, 'bin/run.js'), '--version'], (error, _out, text) =>
        resolve({ code: error?.code, stderr: text }),
      ),
    );
    expect(code).toBe(4);
    expect(stderr).toMatch(
      /^Error: neuroflare is not built here\.\n {2}next: .*npm run build.*\n {2}code: NF_NOT_BUILT\n$/,
    );
  });
});

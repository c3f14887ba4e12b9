import { rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  earlierCode,
  keepApprovedCode,
} from '../../../../../src/runtime/deployment/client/consent/approved-code.ts';
import { clientFolder } from '../../../../../src/runtime/deployment/client/memory/client-folder.ts';
import { readBundle } from '../../../../../src/runtime/job/bundle.ts';
import { TINY_SCRIPT, writeJob } from '../../../../support/job-folder.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
const folder = clientFolder(join(root, 'work'));

async function keep(name: string, script: string): Promise<string> {
  const files = await writeJob(join(root, name), { script });
  const code = (await readBundle(files)).codeSha256;
  await keepApprovedCode(folder, { code, name, files });
  return code;
}

describe('code that was approved before', () => {
  it('is what was approved: a copy that was changed, or is a link, is no code to hold other code against', async () => {
    const sound = await keep('a', TINY_SCRIPT);
    const changed = await keep('b', `${TINY_SCRIPT}\n// second\n`);
    const now = { code: '0'.repeat(64), name: 'b' };
    expect(await earlierCode(folder, now)).toMatchObject({ code: changed });
    const copy = join(folder.approvedCode, changed, 'files', 'added.ts');
    await writeFile(copy, 'send()');
    expect(await earlierCode(folder, now)).toMatchObject({ code: sound });
    await rm(copy);
    await symlink('/etc/hostname', copy);
    expect(await earlierCode(folder, now)).toMatchObject({ code: sound });
    expect(await earlierCode(folder, { ...now, code: sound })).toBeUndefined();
  });
});

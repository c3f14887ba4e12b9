import { execFileSync } from 'node:child_process';
import { cp, readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, it } from 'vitest';
import { runJson } from '../../../support/one-process.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const archive = fileURLToPath(new URL('../../../fixtures/events-2-3.tar.gz', import.meta.url));
const root = tempFolder();
const cwd = join(root, '3');
const elsewhere = join(root, 'elsewhere');

beforeEach(async () => {
  await rm(cwd, { recursive: true, force: true });
  await rm(elsewhere, { recursive: true, force: true });
  execFileSync('tar', ['xzf', archive, '-C', root, '3/open', '3/jobs']);
});

it.each(['models', 'sites', 'sites/site-2', 'sites/site-1/home', 'events.jsonl'])(
  'a run in which %s is a link does not go on, and nothing is written where it leads',
  async (path) => {
    const [run = ''] = (await readdir(join(cwd, 'open/hello'))).filter((name) => name !== 'latest');
    const place = join(cwd, 'open/hello', run, path);
    await cp(place, elsewhere, { recursive: true }).catch(() => undefined);
    const before = await readdir(elsewhere, { recursive: true }).catch(() => []);
    await rm(place, { recursive: true, force: true });
    await symlink(elsewhere, place);
    const { answer } = await runJson(['simulate', 'jobs/hello', '-w', 'open', '--resume'], { cwd });
    expect(answer).toMatchObject({ error_code: 'NF_PATH_LINK' });
    expect(await readdir(elsewhere, { recursive: true }).catch(() => [])).toEqual(before);
  },
);

import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { renewEditorFiles, writeEditorFiles } from '../../../src/runtime/job/editor-files.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();

it("renews an editor's file in the job folder alone, where a link leads out of it", async () => {
  const [job, own] = [join(root, 'job'), join(root, 'own')];
  for (const folder of [job, own]) await mkdir(folder, { recursive: true });
  const before = JSON.stringify({ precious: true });
  await writeFile(join(own, 'tsconfig.json'), before);
  await writeFile(join(job, 'tsconfig.json'), JSON.stringify({ extends: './.neuroflare/tsconfig.json' }));
  await symlink(own, join(job, '.neuroflare'), 'junction');
  await renewEditorFiles(job);
  expect(await readFile(join(own, 'tsconfig.json'), 'utf8')).toBe(before);
});

it('renews that of a job that came from another machine', async () => {
  const job = join(root, 'moved');
  await mkdir(job);
  await writeEditorFiles(job);
  const path = join(job, '.neuroflare/tsconfig.json');
  const here = await readFile(path, 'utf8');
  await writeFile(path, '{}');
  await renewEditorFiles(job);
  expect(await readFile(path, 'utf8')).toBe(here);
});

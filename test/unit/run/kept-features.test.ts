import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { keptFeaturesPath } from '../../../src/runtime/run/kept-features.ts';
import { RUN_FILES } from '../../../src/runtime/run/run-folder.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();

it('keeps features in the workspace, those of baselines with those of their run', async () => {
  const run = join(root, 'work/job/20260101-000000');
  await mkdir(run, { recursive: true });
  await writeFile(join(run, RUN_FILES.card), '{}');
  expect(keptFeaturesPath(run)).toBe(join(root, 'work/.features'));
  expect(keptFeaturesPath(join(run, 'baselines/local-site-1/20260101-000001'))).toBe(
    join(root, 'work/.features'),
  );
  // A workspace that is called so belongs to no run.
  expect(keptFeaturesPath(join(root, 'baselines/job/20260101-000000'))).toBe(
    join(root, 'baselines/.features'),
  );
});

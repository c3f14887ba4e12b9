import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readHarmonisation } from '../../../src/runtime/site/harmonise-task.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();

describe('the file that harmonises pictures', () => {
  it('is not read where it is larger than such a file is', async () => {
    const path = join(root, 'harmonisation.json');
    await writeFile(path, '{}');
    await truncate(path, 20_000_001);
    await expect(readHarmonisation(path)).rejects.toMatchObject({ code: 'NF_INPUT_LARGE' });
  });
});

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { convertFolder } from '../../src/preprocess/bids/convert.ts';
import type { Processing } from '../../src/preprocess/bids/picture-file.ts';
import { runSplit } from '../../src/preprocess/split/run-split.ts';
import { makeFolder, makeSource, writeFiles } from '../unit/preprocess/image/made-pictures.ts';
import { madeMask, madeVolume, toMgh, toNifti } from '../unit/preprocess/volume/made-volumes.ts';

/** The official validator, `bids-validator-deno` on PyPI: named by a variable, or on the PATH. */
const validator = process.env.NEUROFLARE_BIDS_VALIDATOR ?? 'bids-validator-deno';
const present = spawnSync(validator, ['--version']).status === 0;
const kaggle = join(
  process.env.NEUROFLARE_TEST_DATA ?? join(import.meta.dirname, '../../../shared/data'),
  'kaggle-brain-tumor-sample',
);

/** Codes of all errors and warnings. */
function issuesOf(folder: string): string[] {
  const { stdout, stderr } = spawnSync(validator, ['--format', 'json', folder], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (stdout === '') throw new Error(`the validator gave no answer: ${stderr}`);
  const { issues } = JSON.parse(stdout) as { issues: { issues: { code: string; severity: string }[] } };
  return issues.issues.filter(({ severity }) => severity !== 'ignore').map(({ code }) => code);
}

async function convert(
  ...[source, target, processing, more = {}]: [string, string, Processing, { table?: string }?]
): Promise<void> {
  const texts = { name: 'test', license: 'CC0', authors: [] };
  const rule = { threshold: 0.9, cap: 48 };
  const how = { labelMap: undefined, jobs: 4, skipBad: false, dryRun: false };
  await convertFolder({ source, target, processing, rule, ...texts, ...how, ...more });
}

describe.skipIf(!present)('bids-validator-deno finds no error and no warning', () => {
  const variants: [string, Processing][] = [
    ['as they are', { size: undefined, headMask: false }],
    ['head-masked at 128', { size: 128, headMask: true }],
  ];

  it.each(variants)('in made pictures, %s', async (_, processing) => {
    const root = await makeFolder();
    await makeSource(join(root, 'source'), {
      'Training/glioma_tumor': 8,
      'Training/no_tumor': 8,
      'Testing/no_tumor': 2,
    });
    await convert(join(root, 'source'), join(root, 'bids'), processing);
    expect(issuesOf(join(root, 'bids'))).toEqual([]);
  });

  it('in volumes of a table with sessions and masks, and in the masks', async () => {
    const root = await makeFolder();
    const rows = ['file,label,patient,site,visit,mask'];
    for (const seed of [1, 2, 3, 4]) {
      const made = madeVolume(seed);
      await writeFiles(root, {
        [`scans/${seed}.nii`]: toNifti(made),
        [`scans/${seed}.mgh`]: toMgh(madeVolume(seed + 4)),
        [`scans/mask-${seed}.nii`]: toNifti(madeMask(made, 4)),
      });
      const label = seed > 2 ? 'ill' : 'well';
      rows.push(
        `${seed}.nii,${label},${seed},a,pre,mask-${seed}.nii`,
        `${seed}.mgh,${label},${seed},a,post,`,
      );
    }
    await writeFiles(root, { 'labels.csv': rows.join('\n') });
    const processing = { size: undefined, headMask: false };
    await convert(join(root, 'scans'), join(root, 'bids'), processing, { table: join(root, 'labels.csv') });
    expect(issuesOf(join(root, 'bids'))).toEqual([]);
    expect(issuesOf(join(root, 'bids', 'derivatives', 'lesions'))).toEqual([]);
  });

  it.skipIf(!existsSync(kaggle)).each(variants)(
    'in the Kaggle sample, %s, and its sites',
    async (_, processing) => {
      const root = await makeFolder();
      const bidsRoot = join(root, 'bids');
      await convert(kaggle, bidsRoot, processing);
      expect(issuesOf(bidsRoot)).toEqual([]);
      await runSplit({
        bidsRoot,
        strategy: 'dirichlet',
        sites: 3,
        siteColumn: 'site',
        alpha: '0.5',
        seed: 0,
        validation: '0.15',
        test: '0.15',
        out: join(root, 'split.json'),
        existing: undefined,
        materialize: join(root, 'sites'),
      });
      for (const site of ['site-1', 'site-2', 'site-3'])
        expect(issuesOf(join(root, 'sites', site))).toEqual([]);
    },
  );
});

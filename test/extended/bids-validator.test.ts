import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { convertClassFolders } from '../../src/preprocess/bids/convert.ts';
import type { Processing } from '../../src/preprocess/bids/picture-file.ts';
import { runSplit } from '../../src/preprocess/split/run-split.ts';
import { makeFolder, makeSource } from '../unit/preprocess/image/made-pictures.ts';

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

async function convert(source: string, target: string, processing: Processing): Promise<void> {
  const texts = { name: 'test', license: 'CC0', authors: [] };
  const rule = { threshold: 0.9, cap: 48 };
  const how = { labelMap: undefined, jobs: 4, skipBad: false, dryRun: false };
  await convertClassFolders({ source, target, processing, rule, ...texts, ...how });
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

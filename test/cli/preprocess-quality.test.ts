import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeTree, tsv } from '../support/bids-tree.ts';
import { runCli, runJson } from '../support/cli.ts';
import { tempFolder } from '../support/temp-folder.ts';

const cwd = tempFolder();

describe('neuroflare preprocess quality', () => {
  it('measures in threads, fails the gate by the paths of images, and tells people what it found', async () => {
    const subjects = Array.from({ length: 11 }, (_, at) => `sub-${String(at + 1).padStart(2, '0')}`);
    const images = subjects.map(
      (sub, at) => [`${sub}/anat/${sub}_T1w.nii.gz`, { seed: at, bright: at === 10 }] as const,
    );
    const table = tsv(['participant_id', 'site'], ...subjects.map((sub) => [sub, 'north']));
    await makeTree(join(cwd, 'bids'), { 'participants.tsv': table, ...Object.fromEntries(images) });
    const args = ['preprocess', 'quality', 'bids', '--fail-on', 'inu_range>0.2', '--sheet', 'sheet.html'];
    const { code, answer } = await runJson(args, { cwd });
    const data = answer.data as {
      images: { file: string; figures: Record<string, number | null>; outlying: { figure: string }[] }[];
    };
    const high = data.images.filter(({ figures }) => Number(figures.inu_range) > 0.2).map(({ file }) => file);
    expect([code, answer.status]).toEqual([high.length > 0 ? 1 : 0, high.length > 0 ? 'failed' : 'ok']);
    expect(answer.data).toMatchObject({
      suffix: 'T1w',
      bad: [],
      failed: high.map((file) => ({ file, condition: 'inu_range>0.2' })),
    });
    expect(data.images.at(-1)?.outlying.map(({ figure }) => figure)).toContain('efc');
    expect(await readFile(join(cwd, 'sheet.html'), 'utf8')).toContain('sub-11/anat/sub-11_T1w.nii.gz');

    const shown = await runCli(['preprocess', 'quality', 'bids', '--fail-on', 'efc>2,snrd<9'], { cwd });
    expect([shown.code, shown.stdout]).toEqual([
      1,
      expect.stringContaining('snrd<9 cannot be told of any image'),
    ]);
    const typo = await runJson(['preprocess', 'quality', 'bids', '--fail-on', 'effc>0.01'], { cwd });
    expect([typo.code, typo.answer.error_code]).toEqual([4, 'NF_QUALITY_GATE']);
  });
});

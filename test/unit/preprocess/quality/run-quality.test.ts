import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { parseGate } from '../../../../src/preprocess/quality/gate.ts';
import { measureQualityOf, type QualityOptions } from '../../../../src/preprocess/quality/run-quality.ts';
import { noProgress } from '../../../../src/runtime/base/logging/progress.ts';
import { makeTree, tsv } from '../../../support/bids-tree.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const folder = tempFolder();
const source = join(folder, 'bids');
const HOSTILE = '<img src=x onerror=alert(1)>';
const options = (more: Partial<QualityOptions> = {}): QualityOptions => ({
  source,
  select: {},
  out: undefined,
  sheet: undefined,
  gate: [],
  jobs: 2,
  signal: new AbortController().signal,
  progress: noProgress,
  ...more,
});
const text = (...names: string[]) => readFile(join(folder, ...names), 'utf8');

describe('preprocess quality of a data set', () => {
  beforeAll(async () => {
    const bold = (sub: string) => `${sub}/func/${sub}_task-rest_bold.nii.gz`;
    await makeTree(source, {
      'participants.tsv': tsv(
        ['participant_id', 'site'],
        ['sub-01', HOSTILE],
        ['sub-02', 'b'],
        ['sub-03', 'b'],
        ['sub-04', 'b'],
      ),
      'sub-01/anat/sub-01_T1w.nii.gz': { seed: 1 },
      'sub-02/ses-1/anat/sub-02_ses-1_T1w.nii': { seed: 2, bright: true },
      'sub-03/anat/sub-03_T1w.nii.gz': { seed: 3, nan: true },
      [bold('sub-02')]: { seed: 4, volumes: 3 },
    });
  });

  it('measures every image, names those that cannot be read, and writes a table, a sheet and maps', async () => {
    const steps: number[] = [];
    const progress = ({ done }: { done: number }) => void steps.push(done);
    const gate = parseGate('efc>0.1');
    const { images, bad, verdict, out } = await measureQualityOf(
      options({ out: join(folder, 'out'), gate, progress }),
    );
    expect(steps).toEqual([1, 2, 3]);
    expect(images.map(({ file, kind, site }) => [file, kind, site])).toEqual([
      ['sub-01/anat/sub-01_T1w.nii.gz', 'volume', HOSTILE],
      ['sub-02/ses-1/anat/sub-02_ses-1_T1w.nii', 'volume', 'b'],
    ]);
    expect(bad).toMatchObject([{ file: 'sub-03/anat/sub-03_T1w.nii.gz', code: 'NF_NIFTI_NOT_FINITE' }]);
    expect(verdict.failed.map(({ file, condition }) => [file, condition])).toEqual(
      images.map(({ file }) => [file, 'efc>0.1']),
    );
    expect(out).toBe(join(folder, 'out'));
    const [header, first] = (await text('out', 'group_T1w.tsv'))
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    const row = Object.fromEntries(header?.map((name, at) => [name, first?.[at]]) ?? []);
    expect(row).toMatchObject({ participant_id: 'sub-01', snrd: 'n/a', tsnr: 'n/a' });
    expect(Number(row.efc)).toBeCloseTo(Number(images[0]?.figures.efc), 5);
    expect(row.not_defined).toContain('fber: the air');
    expect(row.not_defined).not.toContain('tsnr');
    const sidecar = JSON.parse(await text('out', 'group_T1w.json'));
    expect(Object.keys(sidecar)).toEqual(header);
    const own = JSON.parse(await text('out', 'sub-02/ses-1/anat/sub-02_ses-1_desc-T1w_quality.json'));
    expect(own.figures).toMatchObject({ efc: images[1]?.figures.efc, fber: null });
    const page = await text('out', 'quality.html');
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(page).not.toContain(HOSTILE);
    expect(page.match(/data:image\/png;base64,/g)).toHaveLength(2);
    // Two pictures, two texts of hostile words, which are text.
    expect(page.match(/<(img|link|script|iframe)\b/g)).toEqual(['<img', '<img']);
  });

  it('writes the temporal signal to noise of a series beside where the series lies', async () => {
    const { images, maps } = await measureQualityOf(
      options({ out: join(folder, 'series'), select: { suffix: 'bold' } }),
    );
    expect(images).toMatchObject([{ kind: 'series', shape: [20, 24, 8, 3] }]);
    expect(maps).toEqual(['sub-02/func/sub-02_task-rest_stat-tsnr_boldmap']);
    const map = await readNifti(join(folder, 'series', `${maps[0]}.nii.gz`));
    expect(map.shape).toEqual([20, 24, 8]);
    // Of brightness 1, 2 and 3: mean 2 over deviation sqrt(2 / 3).
    const middle = map.data[(4 * 24 + 12) * 20 + 10] ?? 0;
    expect(middle).toBeCloseTo(2 / Math.sqrt(2 / 3), 4);
    expect(images[0]?.figures.tsnr).toBeCloseTo(2 / Math.sqrt(2 / 3), 4);
    expect(JSON.parse(await text('series', `${maps[0]}.json`)).Sources).toEqual([
      'bids:raw:sub-02/func/sub-02_task-rest_bold.nii.gz',
    ]);
  });

  it('takes NaN for zero where it is asked to, and images by filter', async () => {
    const { images } = await measureQualityOf(options({ select: { nan: 'zero', filter: ['ses='] } }));
    expect(images.map(({ participant }) => participant)).toEqual(['sub-01', 'sub-03']);
  });

  it('leaves nothing where it is stopped, and refuses what it cannot do', async () => {
    const stop = new AbortController();
    const progress = () => stop.abort(new Error('stopped'));
    const work = measureQualityOf(
      options({ out: join(folder, 'stopped'), signal: stop.signal, progress, jobs: 1 }),
    );
    await expect(work).rejects.toThrow('stopped');
    await writeFile(join(folder, 'there'), '');
    const code = (code: string) => expect.objectContaining({ code });
    await expect(measureQualityOf(options({ out: join(folder, 'there') }))).rejects.toEqual(
      code('NF_PATH_EXISTS'),
    );
    await expect(measureQualityOf(options({ out: join(source, 'inside') }))).rejects.toEqual(
      code('NF_BIDS_PLACES'),
    );
    await expect(measureQualityOf(options({ select: { suffix: 'FLAIR' } }))).rejects.toEqual(
      code('NF_QUALITY_NONE'),
    );
    await expect(measureQualityOf(options({ source: join(folder, 'none') }))).rejects.toEqual(
      code('NF_BIDS_NOT_A_DATASET'),
    );
    expect(
      (await readdir(folder)).filter((name) => !['bids', 'out', 'series', 'there'].includes(name)),
    ).toEqual([]);
  });
});

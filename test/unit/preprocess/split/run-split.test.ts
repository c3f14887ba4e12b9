import { copyFile, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readParticipants } from '../../../../src/preprocess/bids/participants.ts';
import { readSplit } from '../../../../src/preprocess/split/manifest.ts';
import { runSplit } from '../../../../src/preprocess/split/run-split.ts';
import { splitOptions as options } from '../../../support/split-options.ts';
import { writeFiles } from '../../../support/write-files.ts';
import { makeFolder } from '../image/made-pictures.ts';
import { evenRows, type MadeRow, tableText } from './made-table.ts';

const code = (name: string) => expect.objectContaining({ code: name });

/** A data set whose images hold their own names, with a derivative in it. */
async function madeDataset(rows: readonly MadeRow[] = evenRows(6)): Promise<string> {
  const root = await makeFolder();
  const images = Object.fromEntries(
    rows.flatMap(({ id }) => [
      [`bids/${id}/anat/${id}_T1w.nii.gz`, id],
      [`bids/derivatives/truth/${id}/anat/${id}_desc-lesion_mask.nii.gz`, `lesion of ${id}`],
    ]),
  );
  await writeFiles(root, {
    ...images,
    'bids/participants.tsv': tableText(rows),
    'bids/participants.json': '{"diagnosis": {"Description": "x"}, "group_id": {"Threshold": 0.95}}',
    'bids/dataset_description.json': '{}',
    'bids/README': 'read me',
    'bids/derivatives/truth/dataset_description.json': '{}',
    'bids/sourcedata/all.txt': 'names of all subjects',
  });
  return root;
}

describe('runSplit', () => {
  it('writes a manifest with rule and threshold, the same bytes each time', async () => {
    const root = await madeDataset();
    const result = await runSplit(options(root));
    const first = await readFile(join(root, 'split.json'), 'utf8');
    expect(JSON.parse(first)).toMatchObject({
      version: 1,
      kind: 'neuroflare-split',
      seed: 0,
      sha256: result.sha256,
      rule: { strategy: 'iid', validation: 0.2, test: 0.2, group_threshold: 0.95 },
    });
    await runSplit(options(root));
    expect(await readFile(join(root, 'split.json'), 'utf8')).toBe(first);
  });

  it('writes how unlike the sites are, of a split that is there, too', async () => {
    const root = await madeDataset();
    const made = await runSplit(options(root, { strategy: 'shards', shardsPerSite: 1 }));
    expect(made.heterogeneity.unlikeness).toMatchObject([{ of: 'class', mean: { emd: 1 } }]);
    const report = join(root, 'report.json');
    await runSplit(options(root, { existing: join(root, 'split.json'), report }));
    expect(JSON.parse(await readFile(report, 'utf8'))).toEqual({
      kind: 'neuroflare-heterogeneity',
      version: 1,
      split: join(root, 'split.json'),
      sha256: made.sha256,
      ...made.heterogeneity,
    });
  });

  it('writes one tree a site, with links, its own rows, and nothing of others', async () => {
    const root = await madeDataset([
      ...evenRows(6),
      { id: 'sub-x', diagnosis: 'glioma', setAside: 'duplicate' },
    ]);
    await runSplit(options(root));
    const target = join(root, 'sites');
    const result = await runSplit(options(root, { existing: join(root, 'split.json'), materialize: target }));
    expect(await readdir(target)).toEqual(['site-1', 'site-2']);
    const trees = await Promise.all(['site-1', 'site-2'].map((site) => readParticipants(join(target, site))));
    expect(trees.flatMap(({ rows }) => rows.map(({ id }) => id)).sort()).toEqual(
      evenRows(6)
        .map(({ id }) => id)
        .sort(),
    );
    for (const [at, { rows, columns }] of trees.entries()) {
      const site = join(target, `site-${at + 1}`);
      expect(columns.at(-1)).toBe('partition');
      expect(rows.filter(({ values }) => values.get('partition') === 'train')).toHaveLength(
        result.sites[at]?.train ?? 0,
      );
      const folders = (await readdir(site)).filter((name) => name.startsWith('sub-'));
      expect(folders.sort()).toEqual(rows.map(({ id }) => id).sort());
      expect(
        (await readdir(join(site, 'derivatives', 'truth'))).filter((name) => name.startsWith('sub-')).sort(),
      ).toEqual(folders);
      expect(await readdir(site)).not.toContain('sourcedata');
      const [{ id = '' } = {}] = rows;
      const image = join(id, 'anat', `${id}_T1w.nii.gz`);
      expect((await stat(join(site, image))).ino).toBe((await stat(join(root, 'bids', image))).ino);
      const sidecar = JSON.parse(await readFile(join(site, 'participants.json'), 'utf8'));
      expect(Object.keys(sidecar)).toEqual(['diagnosis', 'group_id', 'partition']);
    }
  });

  it('leaves out who has no T1w image, and tells of those who have several', async () => {
    const rows = [...evenRows(6), { id: 'sub-empty', diagnosis: 'glioma' }];
    const root = await madeDataset(rows);
    await rm(join(root, 'bids', 'sub-empty', 'anat'), { recursive: true });
    const anat = join(root, 'bids', 'sub-glioma0', 'anat');
    await copyFile(join(anat, 'sub-glioma0_T1w.nii.gz'), join(anat, 'sub-glioma0_run-2_T1w.nii.gz'));
    const result = await runSplit(options(root));
    expect(result.left_out).toEqual([{ participant: 'sub-empty', reason: 'no T1w image' }]);
    expect(result.warnings[0]).toBe(
      '1 subject has several T1w images, which are all used: sub-glioma0 has 2',
    );
    const split = await readFile(join(root, 'split.json'), 'utf8');
    expect(split).not.toContain('sub-empty');
    const target = join(root, 'sites');
    await runSplit(options(root, { existing: join(root, 'split.json'), materialize: target }));
  });

  it('keeps pairs of a table together, as the table of links says', async () => {
    const root = await madeDataset();
    const links = join(root, 'links.tsv');
    const pairs = ['sub-glioma0\tsub-glioma1', 'sub-glioma1\tsub-glioma2', 'sub-notumor3\tsub-glioma2'];
    await writeFile(links, `${['participant_id\tother_id', ...pairs].join('\n')}\n`);
    const result = await runSplit(options(root, { links, validation: '0', test: '0.5' }));
    expect(result.groups).toEqual({ count: 9, largest: 4 });
    const { sites, rule } = await readSplit(join(root, 'split.json'));
    const parts = sites.flatMap((site) => [site.train, site.test]);
    const home = parts.filter((ids) => ids.includes('sub-glioma0'));
    expect(home[0]).toEqual(
      expect.arrayContaining(['sub-glioma0', 'sub-glioma1', 'sub-glioma2', 'sub-notumor3']),
    );
    expect(rule.links_sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ['participant_id\tother_id\nsub-glioma0\tsub-glioma99\n', 'sub-glioma99', 2],
    ['participant_id\tother\nsub-glioma0\tsub-glioma1\n', "no column 'other_id'", 1],
  ])('refuses a table of links that does not fit: %j', async (text, says, line) => {
    const root = await madeDataset();
    const links = join(root, 'links.tsv');
    await writeFile(links, text);
    const error = await runSplit(options(root, { links })).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'NF_SPLIT_LINKS', place: { file: links, line } });
    expect((error as Error).message).toContain(says);
  });

  it('leaves nothing when it fails or is stopped', async () => {
    const root = await madeDataset();
    const before = (await readdir(root)).sort();
    const target = join(root, 'sites');
    await mkdir(join(root, 'bids', 'sub-glioma0', 'extra'));
    await symlink('/etc/hostname', join(root, 'bids', 'sub-glioma0', 'extra', 'x'));
    await expect(runSplit(options(root, { materialize: target }))).rejects.toThrow(
      code('NF_BIDS_IMAGE_OUTSIDE'),
    );
    const stopped = runSplit(options(root, { materialize: target, signal: AbortSignal.abort('stop') }));
    await expect(stopped).rejects.toBe('stop');
    expect((await readdir(root)).sort()).toEqual([...before, 'split.json'].sort());
  });
});

describe('runSplit refuses', () => {
  it.each([
    [{ validation: 'x' }, 'NF_SPLIT_NUMBER'],
    [{ validation: '-0.1' }, 'NF_SPLIT_NUMBER'],
    [{ test: 'NaN' }, 'NF_SPLIT_NUMBER'],
    [{ test: '' }, 'NF_SPLIT_NUMBER'],
    [{ validation: '0.7', test: '0.3' }, 'NF_SPLIT_SHARES'],
    [{ strategy: 'dirichlet', alpha: '0' }, 'NF_SPLIT_NUMBER'],
    [{ strategy: 'dirichlet', alpha: 'Infinity' }, 'NF_SPLIT_NUMBER'],
  ] as const)('%j', async (more, name) => {
    const root = await madeDataset();
    await expect(runSplit(options(root, more))).rejects.toThrow(code(name));
    expect(await readdir(root)).toEqual(['bids']);
  });

  it('a data set without a table, whose labels are not known', async () => {
    const root = await madeDataset();
    await rm(join(root, 'bids', 'participants.tsv'));
    await expect(runSplit(options(join(root, 'bids')))).rejects.toThrow(code('NF_BIDS_NOT_A_DATASET'));
    await expect(runSplit(options(root))).rejects.toThrow(code('NF_BIDS_NO_TABLE'));
  });

  it('no data set, a changed one, and a target that is there or inside', async () => {
    const root = await madeDataset();
    await expect(runSplit(options(join(root, 'bids', 'README')))).rejects.toThrow(
      code('NF_BIDS_NOT_A_DATASET'),
    );
    await runSplit(options(root));
    const existing = join(root, 'split.json');
    for (const [target, name] of [
      [join(root, 'bids', 'sites'), 'NF_BIDS_PLACES'],
      [existing, 'NF_PATH_EXISTS'],
    ] as const) {
      await expect(runSplit(options(root, { existing, materialize: target }))).rejects.toThrow(code(name));
    }
    await writeFile(join(root, 'bids', 'participants.tsv'), tableText(evenRows(7)));
    const changed = runSplit(options(root, { existing, materialize: join(root, 'sites') }));
    await expect(changed).rejects.toThrow(code('NF_SPLIT_DATASET_CHANGED'));
  });
});

import fs from 'node:fs';
import { chmod, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { groupOf } from '../../../../src/preprocess/bids/participants.ts';
import { checkBids } from '../../../../src/preprocess/check/check-bids.ts';
import { checkSource } from '../../../../src/preprocess/check/check-source.ts';
import { centredAffine } from '../../../../src/preprocess/nifti/affine.ts';
import { encodeNifti } from '../../../../src/preprocess/nifti/write.ts';
import { readSubjects } from '../../../../src/preprocess/select/read-subjects.ts';
import { joinGroups, readLinks, writeLinks } from '../../../../src/preprocess/split/links.ts';
import { planSplit } from '../../../../src/preprocess/split/plan.ts';
import { noProgress } from '../../../../src/runtime/base/logging/progress.ts';
import { createRandom } from '../../../../src/runtime/base/random.ts';
import { checkData } from '../../../../src/runtime/evaluation/data-check/check-data.ts';
import { asNobody } from '../../../support/as-nobody.ts';
import { writeFiles } from '../../../support/write-files.ts';
import { headPicture, makeFolder, makeSource } from '../image/made-pictures.ts';

const SHAPE = [20, 20, 1] as const;

function slice(seed: number): Uint8Array {
  const random = createRandom('slice', seed);
  const data = Float32Array.from({ length: 400 }, () => random.int(251) + 1);
  return encodeNifti({ shape: SHAPE, data, affine: centredAffine([...SHAPE], [1, 1, 1]) });
}

const anat = (id: string, ending = 'nii') => `sub-${id}/anat/sub-${id}_T1w.${ending}`;

/** Twelve sound slices of two classes. */
async function dataset(): Promise<string> {
  const root = await makeFolder();
  const ids = Array.from({ length: 12 }, (_, at) => String(at + 1));
  await writeFiles(root, {
    'dataset_description.json': JSON.stringify({ Name: 'made', BIDSVersion: '1.11.1' }),
    'participants.json': JSON.stringify({ diagnosis: { Levels: { a: 'one', b: 'other' } } }),
    'participants.tsv': [
      'participant_id\tdiagnosis',
      ...ids.map((id, at) => `sub-${id}\t${at % 2 ? 'a' : 'b'}`),
      '',
    ].join('\n'),
    ...Object.fromEntries(ids.map((id) => [anat(id), slice(Number(id))])),
  });
  return root;
}

async function check(root: string, { withSplit = false } = {}) {
  const participants = await readSubjects(root);
  const rule = { strategy: 'iid', validation: 0, test: 0.3 } as const;
  const split = withSplit ? planSplit(participants, { rule, seed: 0, sites: 2 }, root).split : undefined;
  return checkBids(root, { participants, split, view: { side: 96, slices: 9 }, progress: noProgress });
}

const codes = (found: Awaited<ReturnType<typeof check>>) =>
  found.findings.map(({ code, severity, place }) =>
    [severity, code, place.participant].filter(Boolean).join(' '),
  );

it('says how unlike sites are, by a split or by the column of sites', async () => {
  const root = await dataset();
  expect((await check(root)).heterogeneity).toMatchObject({
    sites: [{ name: 'all', images: 12 }],
    unlikeness: [],
  });
  const split = await check(root, { withSplit: true });
  expect(split.heterogeneity).toMatchObject({
    sizes: { smallest: 6, largest: 6 },
    unlikeness: [{ of: 'class', mean: { emd: 0 } }],
  });
  const rows = Array.from(
    { length: 12 },
    (_, at) => `sub-${at + 1}\t${at % 2 ? 'a' : 'b'}\t${at % 2 ? 'n' : 's'}\tg${at >> 1}`,
  );
  const table = ['participant_id\tdiagnosis\tsite\tgroup_id', ...rows, ''].join('\n');
  await writeFile(join(root, 'participants.tsv'), table);
  const [classes] = (await check(root)).heterogeneity.unlikeness;
  expect(classes).toMatchObject({ information: 1, entropy: 1, mean: { jensen_shannon: 1 } });
  // Of six groups.
  expect(classes?.by_chance).toBeCloseTo(1 / (2 * 6 * Math.LN2), 12);
});

it('finds nothing in a sound data set', async () => {
  const found = await check(await dataset());
  expect(codes(found)).toEqual([]);
  expect(found.classes).toEqual({ all: { a: 6, b: 6 } });
});

it('follows no path that a table of scans or a sidecar names', async () => {
  const root = await dataset();
  await writeFiles(root, {
    'sub-3/sub-3_scans.tsv': 'filename\tacq_time\n../../../../etc/passwd\tn/a\n/etc/passwd\tn/a\n',
    'sub-3/anat/sub-3_T1w.json':
      '{"Sources": ["bids::../../../etc/passwd", "/dev/zero", "file:///dev/stdin"]}',
  });
  const found = await check(root);
  expect(codes(found)).toEqual([]);
  expect(JSON.stringify(found)).not.toContain('root:');
});

it('goes on past a sidecar that it must not read', async () => {
  const root = await dataset();
  const file = join(root, 'participants.json');
  await chmod(root, 0o755);
  await chmod(file, 0o000);
  const found = await asNobody(() => check(root));
  expect(codes(found)).toEqual(['error NF_CHECK_SIDECAR']);
  expect(found.findings[0]?.message).toContain('cannot be read (EACCES)');
});

it('names the columns there are, with their spaces, where the one of labels is missing', async () => {
  const root = await dataset();
  await rm(join(root, 'participants.json'));
  await editTable(root, '\tdiagnosis', '\t Diagnosis ');
  const [found] = (await check(root)).findings;
  expect(found?.message).toContain(`but "participant_id", " Diagnosis ". Did you mean ' Diagnosis '?`);
});

it('tells of headers that contradict themselves, and reads the image', async () => {
  const root = await dataset();
  await patch(root, (bytes) => bytes.writeFloatLE(-1, 280));
  const found = await check(root);
  expect(codes(found)).toEqual(['warning NF_CHECK_FORMS sub-3']);
  expect(found.facts).toHaveLength(12);
});

/** Each fault by itself: what is done to a sound data set, and the one finding that must come of it. */
const FAULTS: [string, (root: string) => Promise<unknown>, string][] = [
  ['an empty image', (root) => writeFile(join(root, anat('3')), ''), 'error NF_NIFTI_EMPTY sub-3'],
  [
    'a cut header',
    (root) => writeFile(join(root, anat('3')), slice(3).subarray(0, 200)),
    'error NF_NIFTI_HEADER_SHORT sub-3',
  ],
  [
    'cut voxels',
    (root) => writeFile(join(root, anat('3')), slice(3).subarray(0, 900)),
    'error NF_NIFTI_DATA_SHORT sub-3',
  ],
  [
    'bytes behind the voxels',
    (root) => writeFile(join(root, anat('3')), Buffer.concat([slice(3), new Uint8Array(9)])),
    'error NF_NIFTI_DATA_LONG sub-3',
  ],
  [
    'text in place of an image',
    (root) => writeFile(join(root, anat('3')), 'x'.repeat(999)),
    'error NF_NIFTI_MAGIC sub-3',
  ],
  [
    'a gzip that is named plain',
    (root) => writeFile(join(root, anat('3')), gzipSync(slice(3))),
    'error NF_NIFTI_UNEXPECTED_GZIP sub-3',
  ],
  [
    'a gzip with junk behind it',
    (root) => writeGz(root, Buffer.concat([gzipSync(slice(3)), Buffer.from('12345678')])),
    'error NF_NIFTI_GZIP_TRAILING sub-3',
  ],
  [
    'a truncated gzip',
    (root) => writeGz(root, gzipSync(slice(3)).subarray(0, 100)),
    'error NF_NIFTI_GZIP_TRUNCATED sub-3',
  ],
  [
    'a gzip that tells a time',
    (root) => writeGz(root, stamped(gzipSync(slice(3)))),
    'warning NF_CHECK_GZIP_HEADER sub-3',
  ],
  [
    'one value in all voxels',
    (root) =>
      writeFile(
        join(root, anat('3')),
        encodeNifti({
          shape: SHAPE,
          data: new Float32Array(400).fill(7),
          affine: centredAffine([...SHAPE], [1, 1, 1]),
        }),
      ),
    'error NF_CHECK_BLANK sub-3',
  ],
  ['no unit', (root) => patch(root, (bytes) => bytes.fill(0, 123, 124)), 'warning NF_CHECK_UNITS sub-3'],
  [
    'an image that is missing',
    (root) => rename(join(root, anat('3')), join(root, 'sub-3/anat/x.nii')),
    'error NF_BIDS_IMAGE_MISSING sub-3',
  ],
  [
    'an image twice',
    (root) => writeFile(join(root, anat('3', 'nii.gz')), plainGzip(slice(3))),
    'error NF_CHECK_BOTH sub-3',
  ],
  ['a link out of the data set', linkOut, 'error NF_BIDS_IMAGE_OUTSIDE sub-3'],
  ['a folder without a row', (root) => mkdir(join(root, 'sub-99')), 'warning NF_CHECK_NO_ROW sub-99'],
  [
    'a description that is no JSON',
    (root) => writeFile(join(root, 'dataset_description.json'), '{'),
    'warning NF_CHECK_DESCRIPTION',
  ],
  [
    'a sidecar that is no object',
    (root) => writeFile(join(root, 'sub-3/anat/sub-3_T1w.json'), '[1]'),
    'error NF_CHECK_SIDECAR sub-3',
  ],
  [
    'a sidecar that names a hospital',
    (root) => writeFile(join(root, 'sub-3/anat/sub-3_T1w.json'), '{"InstitutionName": "St. Mary"}'),
    'warning NF_CHECK_IDENTIFYING sub-3',
  ],
  [
    'a date in the sidecar of all images',
    (root) => writeFile(join(root, 'T1w.json'), '{"StudyDate": "20240102", "StationName": "none"}'),
    'warning NF_CHECK_IDENTIFYING',
  ],
  [
    'a label outside the levels',
    (root) => editTable(root, 'sub-3\tb', 'sub-3\tc'),
    'error NF_CHECK_LABEL sub-3',
  ],
  ['a missing label', (root) => editTable(root, 'sub-3\tb', 'sub-3\tn/a'), 'note NF_CHECK_UNLABELLED'],
  [
    'no column of labels',
    async (root) => {
      await rm(join(root, 'participants.json'));
      await editTable(root, '\tdiagnosis', '\t Diagnosis');
    },
    'error NF_CHECK_NO_LABELS',
  ],
  [
    'labels that are n/a, all of them',
    (root) => editTable(root, /\t[ab]$/gm, '\tn/a'),
    'error NF_CHECK_NO_LABELS,note NF_CHECK_UNLABELLED',
  ],
  ['one class', (root) => editTable(root, /\ta$/gm, '\tb'), 'warning NF_CHECK_ONE_CLASS'],
  ['no table', (root) => rm(join(root, 'participants.tsv')), 'error NF_CHECK_NO_TABLE'],
  [
    'several images of one subject',
    (root) =>
      writeFiles(root, {
        'sub-3/anat/sub-3_run-2_T1w.nii': slice(40),
        [`sub-3/ses-a/${anat('3').slice(6).replace('3_', '3_ses-a_')}`]: slice(41),
      }),
    'warning NF_CHECK_SEVERAL_IMAGES sub-3',
  ],
  [
    "an image in another subject's folder",
    (root) => rename(join(root, anat('3')), join(root, 'sub-3/anat/sub-30_T1w.nii')),
    'error NF_BIDS_IMAGE_OTHER sub-3',
  ],
  [
    "an image in another session's folder",
    (root) => moveTo(root, 'sub-3/ses-a/anat/sub-3_ses-b_T1w.nii'),
    'error NF_CHECK_SESSION sub-3',
  ],
  [
    'an image of a session without its folder',
    (root) => rename(join(root, anat('3')), join(root, 'sub-3/anat/sub-3_ses-b_T1w.nii')),
    'error NF_CHECK_SESSION sub-3',
  ],
  [
    'content that was not fetched',
    (root) => linkTo(root, '../../.git/annex/objects/a/b/K/K'),
    'error NF_BIDS_CONTENT_ABSENT sub-3',
  ],
  ['a link in a loop', (root) => linkTo(root, 'sub-3_T1w.nii'), 'error NF_BIDS_LINK sub-3'],
  [
    'a copy of another image',
    (root) => writeFile(join(root, anat('3')), slice(5)),
    'error NF_CHECK_COPY sub-5',
  ],
  [
    'a copy under another label',
    (root) => writeFile(join(root, anat('3')), slice(4)),
    'error NF_CHECK_COPY_LABELS sub-4',
  ],
];

async function writeGz(root: string, bytes: Uint8Array): Promise<void> {
  await rename(join(root, anat('3')), join(root, anat('3', 'nii.gz')));
  await writeFile(join(root, anat('3', 'nii.gz')), bytes);
}

function plainGzip(bytes: Uint8Array): Buffer {
  const gz = gzipSync(bytes);
  gz.fill(0, 4, 8);
  return gz;
}

function stamped(gz: Buffer): Buffer {
  gz.writeUInt32LE(1_700_000_000, 4);
  return gz;
}

async function patch(root: string, change: (bytes: Buffer) => void): Promise<void> {
  const bytes = Buffer.from(slice(3));
  change(bytes);
  await writeFile(join(root, anat('3')), bytes);
}

async function linkTo(root: string, target: string): Promise<void> {
  await rm(join(root, anat('3')));
  await symlink(target, join(root, anat('3')));
}

async function moveTo(root: string, path: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await rename(join(root, anat('3')), join(root, path));
}

async function linkOut(root: string): Promise<void> {
  const outside = join(await makeFolder(), 'x.nii');
  await rename(join(root, anat('3')), outside);
  await symlink(outside, join(root, anat('3')));
}

async function editTable(root: string, from: string | RegExp, to: string): Promise<void> {
  const file = join(root, 'participants.tsv');
  await writeFile(file, (await readFile(file, 'utf8')).replace(from, to));
}

describe('finds', () => {
  it.each(FAULTS)('%s', async (_what, spoil, expected) => {
    const root = await dataset();
    await spoil(root);
    expect(codes(await check(root))).toEqual(expected.split(','));
  });

  it('a group that stands on two sides of a split, and like images in different groups', async () => {
    const root = await dataset();
    const near = Buffer.from(slice(5));
    near.writeUInt8((near.readUInt8(360) + 1) % 256, 360);
    await writeFile(join(root, anat('3')), near);
    const found = await check(root, { withSplit: true });
    const alike = found.findings.filter(({ code }) => code === 'NF_CHECK_ALIKE');
    expect(alike.length).toBeLessThanOrEqual(1);
    expect(found.contrasts.map(({ site }) => site)).toContain('site-2');
  });
});

describe('of images that are alike,', () => {
  /** A picture in place of that of a participant, with a black border. */
  const put = async (root: string, id: string, { border = 0, isTurned = false } = {}) => {
    const picture = headPicture(5, 60, 70);
    const [width, height] = [picture.width + border, picture.height + border];
    const data = new Float32Array(width * height);
    for (let y = 0; y < picture.height; y++) {
      const row = picture.pixels.slice(y * picture.width, (y + 1) * picture.width);
      data.set(isTurned ? row.reverse() : row, (y + border) * width + border);
    }
    const shape = [width, height, 1] as const;
    await writeFile(
      join(root, anat(id)),
      encodeNifti({ shape, data, affine: centredAffine([...shape], [1, 1, 1]) }),
    );
  };

  it.each([
    ['with another border', '5', { border: 25 }, 'warning NF_CHECK_ALIKE_GROUPS sub-3', 'alike'],
    ['with another border and label', '4', { border: 25 }, 'warning NF_CHECK_ALIKE_LABELS sub-3', 'alike'],
    ['with left and right exchanged', '5', { isTurned: true }, 'warning NF_CHECK_MIRRORED sub-3', 'mirrored'],
  ])('finds one %s, and a split can keep the pair together', async (_, id, how, expected, kind) => {
    const root = await dataset();
    await put(root, '3');
    await put(root, id, how);
    const found = await check(root);
    expect(codes(found)).toEqual([expected]);
    expect(found.links).toMatchObject([{ one: 'sub-3', other: `sub-${id}`, kind }]);
    const file = join(root, 'links.tsv');
    await writeLinks(file, found.links);
    const participants = await readSubjects(root);
    const joined = joinGroups(participants, await readLinks(file, participants));
    const groups = new Map(joined.rows.map((row) => [row.id, groupOf(row)]));
    expect(groups.get(`sub-${id}`)).toBe(groups.get('sub-3'));
    expect(new Set(groups.values()).size).toBe(11);
  });

  it('says nothing of those in one group, or set aside', async () => {
    const root = await dataset();
    await put(root, '3');
    await put(root, '5', { border: 25 });
    await editTable(root, /\n(sub-\d+)\t/g, '\n$1\t$1\t');
    await editTable(root, 'participant_id\t', 'participant_id\tgroup_id\t');
    await editTable(root, '\tsub-5\t', '\tsub-3\t');
    const found = await check(root);
    expect([codes(found), found.links]).toEqual([[], []]);
  });
});

it('tells of class folders what `preprocess bids` would find, and writes nothing', async () => {
  const root = await makeFolder();
  await makeSource(root, { glioma_tumor: 4, no_tumor: 4 });
  await writeFiles(root, {
    'no_tumor/broken.jpg': 'text',
    'no_tumor/copy.png': await readFile(join(root, 'no_tumor/a (10).png')),
  });
  const { findings } = await checkSource(root, { progress: noProgress });
  expect(findings.map(({ code, severity }) => `${severity} ${code}`)).toEqual([
    'error NF_CHECK_IMAGE',
    'warning NF_CHECK_COPIES',
  ]);
});

it('takes the labels and exclusions of class folders that `preprocess bids` takes', async () => {
  const root = await makeFolder();
  await makeSource(join(root, 'br35h'), { yes: 3, no: 3, pred: 2 });
  await writeFile(join(root, 'labels.yaml'), '"yes": tumour\n"no": no_tumor\n');
  const labelMap = join(root, 'labels.yaml');
  const found = await checkData({
    ...plain,
    target: join(root, 'br35h'),
    select: { labelMap },
    exclude: ['pred'],
  });
  expect(found.classes).toEqual({ all: { no_tumor: 3, tumour: 3 } });
  for (const [more, flag] of [
    [{ select: { suffix: 'FLAIR' } }, 'suffix'],
    [{ select: { labelColumn: 'dx' } }, 'label-column'],
    [{ split: 'split.json' }, 'split'],
    [{ links: 'links.tsv' }, 'links'],
  ] as const)
    await expect(checkData({ ...plain, target: join(root, 'br35h'), ...more })).rejects.toThrow(
      new RegExp(`^--${flag} is for a data set in BIDS`),
    );
  await expect(checkData({ ...plain, target: await dataset(), exclude: ['pred'] })).rejects.toThrow(
    /^--exclude is for class folders/,
  );
});

const plain = { split: undefined, controls: false, sheet: undefined, slices: 9, seed: 0, jobs: 1 };

it('reads the content of each image once, with and without controls and a sheet', async () => {
  const root = await dataset();
  const read = new Map<string, number>();
  const { open } = fs.promises;
  fs.promises.open = async (...args: Parameters<typeof open>) => {
    const file = await open(...args);
    const readPart = file.read.bind(file) as (...of: unknown[]) => Promise<{ bytesRead: number }>;
    const counting = async (...of: unknown[]) => {
      const result = await readPart(...of);
      const name = String(args[0]);
      read.set(name, (read.get(name) ?? 0) + result.bytesRead);
      return result;
    };
    return Object.assign(file, { read: counting });
  };
  syncBuiltinESMExports();
  try {
    for (const controls of [false, true]) {
      read.clear();
      await checkData({ ...plain, target: root, controls, sheet: join(root, 'sheet.png') });
      const images = [...read].filter(([name]) => name.endsWith('.nii'));
      expect(images.map(([, bytes]) => bytes)).toEqual(Array.from({ length: 12 }, () => slice(1).length));
    }
  } finally {
    fs.promises.open = open;
    syncBuiltinESMExports();
  }
});

it('links each copy of an image to the first one, and not to every other', async () => {
  const root = await dataset();
  const ids = Array.from({ length: 12 }, (_, at) => String(at + 1));
  await writeFiles(root, Object.fromEntries(ids.map((id) => [anat(id), slice(1)])));
  const { links } = await check(root);
  // Twelve of one picture are 66 pairs; eleven links keep them together, and one more joins the first of each class.
  expect(links.length).toBeLessThanOrEqual(12);
  const groups = new Map(ids.map((id) => [`sub-${id}`, id]));
  for (const { one, other } of links) {
    const [from, to] = [groups.get(one), groups.get(other)];
    for (const [id, group] of groups) if (group === from) groups.set(id, to ?? '');
  }
  expect(new Set(groups.values()).size).toBe(1);
});

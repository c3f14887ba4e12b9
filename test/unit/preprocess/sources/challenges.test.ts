import { readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type ConvertOptions, convertFolder } from '../../../../src/preprocess/bids/convert.ts';
import { readParticipants } from '../../../../src/preprocess/bids/participants.ts';
import { readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { convertOptions } from '../../../support/convert-options.ts';
import { writeFiles } from '../../../support/write-files.ts';
import { makeFolder } from '../image/made-pictures.ts';
import {
  type MadeVolume,
  madeMask,
  madeVolume,
  metaHeader,
  toMetaImage,
  toNifti,
} from '../volume/made-volumes.ts';

const options = (root: string, more: Partial<ConvertOptions> = {}) =>
  convertOptions(root, { source: join(root, 'set'), ...more });

const packed = (volume: MadeVolume) => gzipSync(toNifti(volume));

/** One case of BraTS with four channels and a mask; each channel has other voxels. */
function bratsCase(folder: string, seed: number, channels = ['_t1', '_t1ce', '_t2', '_flair']) {
  const name = folder.slice(folder.lastIndexOf('/') + 1);
  const images = channels.map((ending, at) => [
    `${folder}/${name}${ending}.nii.gz`,
    packed(madeVolume(10 * seed + at)),
  ]);
  const dash = channels[0]?.[0] ?? '_';
  return Object.fromEntries([
    ...images,
    [`${folder}/${name}${dash}seg.nii.gz`, packed(madeMask(madeVolume(10 * seed), 4))],
  ]);
}

const values = async (root: string, column: string) =>
  (await readParticipants(join(root, 'bids'))).rows.map((row) => row.values.get(column));
const images = async (root: string, id: string) => (await readdir(join(root, 'bids', id, 'anat'))).sort();

describe('a folder of BraTS', () => {
  it('becomes participants with four images and a mask, labelled by its name mapping', async () => {
    const root = await makeFolder();
    await writeFiles(root, {
      ...bratsCase('set/BraTS20_Training_001', 1),
      ...bratsCase('set/BraTS20_Training_002', 2),
      'set/name_mapping.csv':
        'Grade,BraTS_2019_subject_ID,BraTS_2020_subject_ID\nHGG,x,BraTS20_Training_001\nLGG,NA,BraTS20_Training_002\nHGG,y,BraTS20_Training_009\n',
    });
    const summary = await convertFolder(options(root));
    expect(summary).toMatchObject({
      images: 2,
      masks: 2,
      classes: { HGG: { images: 1 }, LGG: { images: 1 } },
    });
    expect(await images(root, 'sub-0001')).toEqual([
      'sub-0001_FLAIR.nii.gz',
      'sub-0001_T1w.nii.gz',
      'sub-0001_T2w.nii.gz',
      'sub-0001_ce-gadolinium_T1w.nii.gz',
    ]);
    const gadolinium = join(root, 'bids/sub-0002/anat/sub-0002_ce-gadolinium_T1w.nii.gz');
    expect([...(await readNifti(gadolinium)).data]).toEqual([...madeVolume(21).data]);
    const mask = join(root, 'bids/derivatives/lesions/sub-0001/anat/sub-0001_desc-lesion_mask.nii.gz');
    expect([...(await readNifti(mask)).data]).toEqual([...madeMask(madeVolume(10), 4).data]);
    expect(await values(root, 'source_case')).toEqual(['BraTS20_Training_001', 'BraTS20_Training_002']);
    expect(JSON.parse(await readFile(join(root, 'bids/T1w.json'), 'utf8')).SkullStripped).toBe(true);
    const about = await readFile(join(root, 'bids/derivatives/lesions/desc-lesion_mask.json'), 'utf8');
    expect(about).toContain('4 (3 since 2023) enhancing tumour');
  });

  it('may be sorted by grade', async () => {
    const root = await makeFolder();
    await writeFiles(root, {
      ...bratsCase('set/HGG/Brats18_A_1', 1),
      ...bratsCase('set/LGG/Brats18_B_1', 2),
    });
    await convertFolder(options(root));
    expect(await values(root, 'diagnosis')).toEqual(['HGG', 'LGG']);
  });

  it('of 2023 holds several scans of a patient together, and takes labels and sites from a table', async () => {
    const root = await makeFolder();
    const channels = ['-t1n', '-t1c', '-t2w', '-t2f'];
    await writeFiles(root, {
      ...bratsCase('set/BraTS-GLI-00000-000', 1, channels),
      ...bratsCase('set/BraTS-GLI-00000-001', 2, channels),
      ...bratsCase('set/BraTS-GLI-00002-000', 3, channels),
      'labels.csv':
        'case;mgmt;hospital\nBraTS-GLI-00000-000;1;a\nBraTS-GLI-00000-001;1;a\nBraTS-GLI-00002-000;0;b\n',
      'map.yaml': '1: methylated\n0: unmethylated\n',
    });
    const table = {
      table: join(root, 'labels.csv'),
      columns: { label: 'mgmt' },
      labelMap: join(root, 'map.yaml'),
    };
    await convertFolder(options(root, table));
    expect(await values(root, 'group_id')).toEqual(['group-0001', 'group-0001', 'group-0002']);
    expect(await values(root, 'site')).toEqual(['a', 'a', 'b']);
    expect(await values(root, 'diagnosis')).toEqual(['methylated', 'methylated', 'unmethylated']);
  });

  it('may lie folders deeper, sorted by grade; a case without mask is named', async () => {
    const root = await makeFolder();
    const { 'set/kaggle/archive/MICCAI/HGG/Brats18_A_1/Brats18_A_1_seg.nii.gz': _, ...first } = bratsCase(
      'set/kaggle/archive/MICCAI/HGG/Brats18_A_1',
      1,
    );
    await writeFiles(root, {
      ...first,
      ...bratsCase('set/kaggle/archive/MICCAI/LGG/Brats18_B_1', 2),
      'set/kaggle/about.txt': 'text',
    });
    expect(await convertFolder(options(root))).toMatchObject({
      images: 2,
      masks: 1,
      masks_missing: ['Brats18_A_1'],
      images_of_each: ['FLAIR', 'T1w', 'T2w', 'ce-gadolinium_T1w'],
    });
    expect(await values(root, 'diagnosis')).toEqual(['HGG', 'LGG']);
  });

  const two = () => ({
    ...bratsCase('set/BraTS20_Training_001', 1),
    ...bratsCase('set/BraTS20_Training_002', 2),
    'set/name_mapping.csv': 'Grade,id\nHGG,BraTS20_Training_001\nLGG,BraTS20_Training_002\n',
  });

  it('may be unpacked one folder deeper, with its name mapping and a mask of another name there', async () => {
    const root = await makeFolder();
    const { 'set/name_mapping.csv': mapping, ...files } = two();
    const inner = Object.entries(files).map(([path, bytes]) => {
      const stray = path.replace('BraTS20_Training_002_seg.nii.gz', 'W39_1998.09.19_Segm.nii.gz');
      return [stray.replace('set/', 'set/MICCAI_BraTS2020_TrainingData/'), bytes];
    });
    await writeFiles(root, {
      ...Object.fromEntries(inner),
      'set/MICCAI_BraTS2020_TrainingData/name_mapping.csv': mapping ?? '',
    });
    expect(await convertFolder(options(root))).toMatchObject({ images: 2, masks: 2 });
    expect(await values(root, 'diagnosis')).toEqual(['HGG', 'LGG']);
    await rm(join(root, 'bids'), { recursive: true });
    await writeFiles(root, { 'set/MICCAI_BraTS2020_TrainingData/name_mapping_2.csv': mapping ?? '' });
    await expect(convertFolder(options(root))).rejects.toMatchObject({ code: 'NF_BIDS_NO_LABELS' });
  });

  it.each([
    [
      'without labels',
      async (root: string) => rm(join(root, 'set/name_mapping.csv')),
      'NF_BIDS_NO_LABELS',
      /2 cases are of/,
    ],
    [
      'whose table knows no case',
      async (root: string) => writeFiles(root, { 'set/name_mapping.csv': 'Grade,id\nHGG,x\n' }),
      'NF_TABLE_COLUMN',
      /no cell is the name of a case/,
    ],
    [
      'with a case twice in its table',
      async (root: string) =>
        writeFiles(root, {
          'set/name_mapping.csv': 'Grade,id\nHGG,BraTS20_Training_001\nLGG,BraTS20_Training_001\n',
        }),
      'NF_TABLE_ROWS',
      /line 3 names the case of line 2/,
    ],
    [
      'with a case without label',
      async (root: string) =>
        writeFiles(root, {
          'set/name_mapping.csv': 'Grade,id\nHGG,BraTS20_Training_001\nNA,BraTS20_Training_002\n',
        }),
      'NF_BIDS_BAD_IMAGES',
      /BraTS20_Training_002: no_label/,
    ],
    [
      'with a channel less',
      async (root: string) => rm(join(root, 'set/BraTS20_Training_002/BraTS20_Training_002_t2.nii.gz')),
      'NF_BIDS_BAD_IMAGES',
      /BraTS20_Training_002: missing, no T2w/,
    ],
    [
      'with a channel on another grid',
      async (root: string) =>
        writeFiles(root, {
          'set/BraTS20_Training_002/BraTS20_Training_002_t2.nii.gz': packed(madeVolume(3, [20, 24, 17])),
        }),
      'NF_BIDS_BAD_IMAGES',
      /BraTS20_Training_002: NF_VOLUME_GRID, The images are not on one grid: T2w has 20 x 24 x 17/,
    ],
    [
      'with a mask of another shape',
      async (root: string) =>
        writeFiles(root, {
          'set/BraTS20_Training_001/BraTS20_Training_001_seg.nii.gz': packed(
            madeMask(madeVolume(3, [24, 24, 18])),
          ),
        }),
      'NF_BIDS_BAD_IMAGES',
      /BraTS20_Training_001: NF_VOLUME_GRID, .*the mask has 24 x 24 x 18/,
    ],
  ])('is refused %s', async (_, spoil, code, says) => {
    const root = await makeFolder();
    await writeFiles(root, two());
    await spoil(root);
    const error = await convertFolder(options(root)).catch((thrown) => thrown);
    expect(error).toMatchObject({ code, exitCode: 4 });
    expect(`${error.message}\n${error.place.excerpt ?? ''}`).toMatch(says);
    expect(await readdir(root)).toEqual(['set']);
  });
});

/** A data set of nnU-Net of two cases with two channels. */
function nnunet(description: object, ending = '.nii.gz'): Record<string, Uint8Array | string> {
  const write = ending.startsWith('.mh') ? toMetaImage : packed;
  const files: Record<string, Uint8Array | string> = {
    'set/dataset.json': JSON.stringify(description),
    'labels.csv': 'case,label\nbrain_01,ill\nbrain_02,well\n',
  };
  for (const seed of [1, 2]) {
    for (const channel of [0, 1]) {
      files[`set/imagesTr/brain_0${seed}_000${channel}${ending}`] = write(madeVolume(10 * seed + channel));
    }
    files[`set/labelsTr/brain_0${seed}${ending}`] = write(madeMask(madeVolume(10 * seed), 2));
  }
  return files;
}

const VERSION_2 = {
  channel_names: { '0': 'FLAIR', '1': 'T1gd' },
  labels: { background: 0, edema: 1, tumor: 2 },
  numTraining: 2,
  file_ending: '.nii.gz',
};

describe('a data set of nnU-Net', () => {
  it.each([
    ['version 2', VERSION_2, '.nii.gz'],
    [
      'version 1',
      { modality: { '0': 'FLAIR', '1': 't1c' }, labels: { '0': 'background', '1': 'edema', '2': 'tumor' } },
      '.nii.gz',
    ],
    ['MetaImages', { ...VERSION_2, file_ending: '.mha' }, '.mha'],
  ])('of %s becomes participants with named contrasts and masks', async (_, description, ending) => {
    const root = await makeFolder();
    await writeFiles(root, nnunet(description, ending));
    const summary = await convertFolder(options(root, { table: join(root, 'labels.csv') }));
    expect(summary).toMatchObject({ images: 2, masks: 2 });
    expect(await images(root, 'sub-0002')).toEqual([
      'sub-0002_FLAIR.nii.gz',
      'sub-0002_ce-gadolinium_T1w.nii.gz',
    ]);
    const flair = await readNifti(join(root, 'bids/sub-0002/anat/sub-0002_FLAIR.nii.gz'));
    expect([...flair.data]).toEqual([...madeVolume(20).data]);
    const about = await readFile(join(root, 'bids/derivatives/lesions/desc-lesion_mask.json'), 'utf8');
    expect(about).toContain('1 is edema, 2 is tumor');
  });

  it('has no voxels from outside, by a link beside a header', async () => {
    const root = await makeFolder();
    const files = nnunet({ ...VERSION_2, file_ending: '.mhd' }, '.mhd');
    await writeFiles(root, files);
    const secret = join(root, 'outside.bin');
    await writeFile(secret, Buffer.alloc(100_000, 'the key of somebody else '));
    await symlink(secret, join(root, 'set/imagesTr/.voxels.raw'));
    const header = metaHeader(madeVolume(10), { ElementDataFile: '.voxels.raw', HeaderSize: '-1' });
    await writeFiles(root, { 'set/imagesTr/brain_01_0000.mhd': header });
    const failed = convertFolder(options(root, { table: join(root, 'labels.csv') }));
    await expect(failed).rejects.toMatchObject({
      code: 'NF_BIDS_BAD_IMAGES',
      place: { excerpt: 'brain_01: link_outside, leads out of the source folder' },
    });
  });

  it.each([
    ['without dataset.json', undefined, /dataset.json is missing/],
    ['with one that is no JSON', 'text', /no JSON/],
    ['with one of another program', { name: 'x' }, /not nnU-Net's/],
    ['of CT', { ...VERSION_2, channel_names: { '0': 'CT', '1': 'T1' } }, /channel 0 is called "CT"/],
    [
      'with one contrast twice',
      { ...VERSION_2, channel_names: { '0': 'T1', '1': 'T1w' } },
      /two channels are of one contrast/,
    ],
    [
      'with a channel too many',
      { ...VERSION_2, channel_names: { '0': 'T1' } },
      /is of channel 1, which dataset.json lacks/,
    ],
    ['with files of another ending', { ...VERSION_2, file_ending: '.png' }, /".png" are not read/],
  ])('is refused %s', async (_, description, says) => {
    const root = await makeFolder();
    await writeFiles(root, nnunet(VERSION_2));
    if (description === undefined) await rm(join(root, 'set/dataset.json'));
    else
      await writeFiles(root, {
        'set/dataset.json': typeof description === 'string' ? description : JSON.stringify(description),
      });
    const error = await convertFolder(options(root, { table: join(root, 'labels.csv') })).catch(
      (thrown) => thrown,
    );
    expect(error).toMatchObject({
      code: 'NF_BIDS_CHALLENGE',
      exitCode: 4,
      message: expect.stringMatching(says),
    });
    expect((await readdir(root)).sort()).toEqual(['labels.csv', 'set']);
  });
});

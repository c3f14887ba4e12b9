import { gzipSync } from 'node:zlib';
import { beforeAll, describe, it } from 'vitest';
import { runSection } from '../support/docs-commands.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { writeFiles } from '../support/write-files.ts';
import { toMat } from '../unit/preprocess/sources/made-mat.ts';
import { madeMask, madeVolume, toMgh, toNifti, toNrrd } from '../unit/preprocess/volume/made-volumes.ts';

const cwd = tempFolder();
const PAGE = 'docs/your-own-data.md';
const packed = (seed: number) => gzipSync(toNifti(madeVolume(seed)));

async function looseVolumes(): Promise<void> {
  const rows = ['file,diagnosis,patient_id,hospital,visit,mask'];
  for (let patient = 1; patient <= 24; patient++) {
    const [ending, write] = (
      [
        ['nii', toNifti],
        ['mgh', toMgh],
        ['nrrd', toNrrd],
      ] as const
    )[patient % 3] ?? ['nii', toNifti];
    const made = madeVolume(patient);
    await writeFiles(cwd, {
      [`scans/t1/${patient}.${ending}`]: write(made),
      [`scans/masks/${patient}.nii`]: toNifti(madeMask(made)),
    });
    const mask = patient % 2 ? `masks/${patient}.nii` : '';
    rows.push(
      `t1/${patient}.${ending},${patient % 2 ? 'glioma' : 'no_tumor'},${patient},${patient % 4 < 2 ? 'north' : 'south'},pre,${mask}`,
    );
  }
  await writeFiles(cwd, { 'labels.csv': rows.join('\n') });
}

async function challenges(): Promise<void> {
  const grades = ['Grade,BraTS_2020_subject_ID'];
  const cases = ['case;label'];
  for (let number = 1; number <= 12; number++) {
    const name = `BraTS20_Training_${String(number).padStart(3, '0')}`;
    const channels = ['t1', 't1ce', 't2', 'flair'].map((channel, at) => [
      `brats/${name}/${name}_${channel}.nii.gz`,
      packed(4 * number + at),
    ]);
    const mask = gzipSync(toNifti(madeMask(madeVolume(number), 4)));
    await writeFiles(cwd, {
      ...Object.fromEntries(channels),
      [`brats/${name}/${name}_seg.nii.gz`]: mask,
      [`nnunet/imagesTr/brain_${number}_0000.nii.gz`]: packed(100 + number),
      [`nnunet/labelsTr/brain_${number}.nii.gz`]: mask,
      [`figshare/${number}.mat`]: await toMat({
        seed: number,
        label: 1 + (number % 3),
        patient: `P${number}`,
      }),
    });
    grades.push(`${number % 2 ? 'HGG' : 'LGG'},${name}`);
    cases.push(`brain_${number};${number % 2 ? 'ill' : 'well'}`);
  }
  await writeFiles(cwd, {
    'brats/name_mapping.csv': grades.join('\n'),
    'cases.csv': cases.join('\n'),
    'nnunet/dataset.json': JSON.stringify({
      channel_names: { '0': 'FLAIR' },
      labels: { background: 0, tumor: 4 },
      file_ending: '.nii.gz',
    }),
  });
}

beforeAll(async () => {
  await Promise.all([looseVolumes(), challenges()]);
});

describe('the commands of the page "Your own data" for volumes', () => {
  it.each([
    // Its volumes are cut out of no head.
    ['Loose volumes and a table', 7, ['--table labels.csv', ' --skull-stripped']],
    ['BraTS', 7],
    ['nnU-Net', 2],
    ['The brain tumour set of figshare', 2],
  ] as const)('%s', async (section, count, more?) => {
    await runSection(PAGE, section, { count, cwd, more });
  });
});

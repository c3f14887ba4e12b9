import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { convertFolder } from '../../src/preprocess/bids/convert.ts';
import type { Processing } from '../../src/preprocess/bids/picture-file.ts';
import { defaceDataset } from '../../src/preprocess/deface/tree/deface-dataset.ts';
import { importDicom } from '../../src/preprocess/dicom/import/run-import.ts';
import { encodeNifti } from '../../src/preprocess/nifti/write.ts';
import { generatePhantom } from '../../src/preprocess/phantom/generate.ts';
import { STANDARD_PIPELINE } from '../../src/preprocess/preparation/pipeline.ts';
import { prepareDataset } from '../../src/preprocess/preparation/prepare-dataset.ts';
import { measureQualityOf } from '../../src/preprocess/quality/run-quality.ts';
import { readSelectionOptions } from '../../src/preprocess/select/selection-options.ts';
import { runSplit } from '../../src/preprocess/split/run-split.ts';
import { noProgress } from '../../src/runtime/base/logging/progress.ts';
import { makeTree, tsv } from '../support/bids-tree.ts';
import { contrastsTree } from '../support/contrasts-tree.ts';
import { madeSeries, writeSeries } from '../support/made-dicom.ts';
import { headSlices, madeHead } from '../support/whole-head.ts';
import { writeFiles } from '../support/write-files.ts';
import { makeFolder, makeSource } from '../unit/preprocess/image/made-pictures.ts';
import { toMat } from '../unit/preprocess/sources/made-mat.ts';
import { madeMask, madeVolume, toMgh, toNifti } from '../unit/preprocess/volume/made-volumes.ts';

/** The official validator, `bids-validator-deno` on PyPI: named by a variable, or on the PATH. */
const validator = process.env.NEUROFLARE_BIDS_VALIDATOR ?? 'bids-validator-deno';
const present = spawnSync(validator, ['--version']).status === 0;
const kaggle = join(
  process.env.NEUROFLARE_TEST_DATA ?? join(import.meta.dirname, '../../../shared/data'),
  'kaggle-brain-tumor-sample',
);

/** Codes of all errors and warnings, or of those that are as grave as is said. */
function issuesOf(folder: string, severities: readonly string[] = ['error', 'warning']): string[] {
  const { stdout, stderr } = spawnSync(validator, ['--format', 'json', folder], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (stdout === '') throw new Error(`the validator gave no answer: ${stderr}`);
  const { issues } = JSON.parse(stdout) as { issues: { issues: { code: string; severity: string }[] } };
  return issues.issues.filter(({ severity }) => severities.includes(severity)).map(({ code }) => code);
}

async function convert(
  ...[source, target, processing, more = {}]: [string, string, Processing, { table?: string }?]
): Promise<void> {
  const texts = { name: 'test', license: 'CC0', authors: [] };
  const rule = { threshold: 0.9, cap: 48 };
  const how = { labelMap: undefined, jobs: 4, skipBad: false, dryRun: false, deface: false };
  await convertFolder({ source, target, processing, rule, ...texts, ...how, ...more });
}

const PLAIN: Processing = { size: undefined, headMask: false };
const packed = (seed: number) => gzipSync(toNifti(madeVolume(seed)));

describe.skipIf(!present)('bids-validator-deno finds no error and no warning', () => {
  const variants: [string, Processing][] = [
    ['as they are', PLAIN],
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
    await convert(join(root, 'scans'), join(root, 'bids'), PLAIN, { table: join(root, 'labels.csv') });
    expect(issuesOf(join(root, 'bids'))).toEqual([]);
    expect(issuesOf(join(root, 'bids', 'derivatives', 'lesions'))).toEqual([]);
  });

  it('in a data set whose faces were taken out more than in the data set as it was, and none in the masks', async () => {
    const root = await makeFolder();
    const source = join(root, 'raw');
    await makeTree(source, {
      README: 'Made heads.',
      'participants.tsv': tsv(['participant_id', 'age'], ['sub-01', '30'], ['sub-02', '40']),
      'sub-01/ses-1/sub-01_ses-1_scans.tsv': tsv(['filename'], ['anat/sub-01_ses-1_T1w.nii.gz']),
    });
    const head = encodeNifti(madeHead());
    await writeFiles(source, {
      'sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz': gzipSync(head),
      'sub-02/anat/sub-02_T1w.nii.gz': gzipSync(head),
    });
    const target = join(root, 'defaced');
    const signal = new AbortController().signal;
    const how = { keep: [], skipBad: false, jobs: 2, signal, progress: noProgress };
    await defaceDataset({ source, target, ...how });
    const before = issuesOf(source);
    expect(issuesOf(target, ['error'])).toEqual([]);
    expect(issuesOf(target).filter((code) => !before.includes(code))).toEqual([]);
    expect(issuesOf(join(target, 'derivatives/defacing'))).toEqual([]);
  });

  it('in the cases of BraTS, and in their masks', async () => {
    const root = await makeFolder();
    for (const seed of [1, 2, 3]) {
      const name = `BraTS20_Training_00${seed}`;
      const file = (ending: string) => `set/${seed > 1 ? 'HGG' : 'LGG'}/${name}/${name}_${ending}.nii.gz`;
      const channels = ['t1', 't1ce', 't2', 'flair'].map((channel, at) => [
        file(channel),
        packed(4 * seed + at),
      ]);
      const mask = gzipSync(toNifti(madeMask(madeVolume(4 * seed), 4)));
      await writeFiles(root, { ...Object.fromEntries(channels), [file('seg')]: mask });
    }
    await convert(join(root, 'set'), join(root, 'bids'), PLAIN);
    expect(issuesOf(join(root, 'bids'))).toEqual([]);
    expect(issuesOf(join(root, 'bids', 'derivatives', 'lesions'))).toEqual([]);
  });

  it('in a data set of nnU-Net, and in its masks', async () => {
    const root = await makeFolder();
    const description = {
      channel_names: { '0': 'FLAIR', '1': 'T1gd' },
      labels: { background: 0, edema: 1, tumor: 2 },
      file_ending: '.nii.gz',
    };
    for (const seed of [1, 2, 3])
      await writeFiles(root, {
        [`set/imagesTr/brain_${seed}_0000.nii.gz`]: packed(10 * seed),
        [`set/imagesTr/brain_${seed}_0001.nii.gz`]: packed(10 * seed + 1),
        [`set/labelsTr/brain_${seed}.nii.gz`]: gzipSync(toNifti(madeMask(madeVolume(10 * seed), 2))),
      });
    await writeFiles(root, {
      'set/dataset.json': JSON.stringify(description),
      'cases.csv': 'case,label\nbrain_1,ill\nbrain_2,well\nbrain_3,ill\n',
    });
    await convert(join(root, 'set'), join(root, 'bids'), PLAIN, { table: join(root, 'cases.csv') });
    expect(issuesOf(join(root, 'bids'))).toEqual([]);
    expect(issuesOf(join(root, 'bids', 'derivatives', 'lesions'))).toEqual([]);
  });

  it("in the slices of figshare's set, and in their masks", async () => {
    const root = await makeFolder();
    for (const seed of [1, 2, 3, 4])
      await writeFiles(root, {
        [`set/${seed}.mat`]: await toMat({ seed, label: 1 + (seed % 3), patient: `P${seed % 3}` }),
      });
    await convert(join(root, 'set'), join(root, 'bids'), PLAIN);
    expect(issuesOf(join(root, 'bids'))).toEqual([]);
    expect(issuesOf(join(root, 'bids', 'derivatives', 'lesions'))).toEqual([]);
  });

  it('in prepared volumes of the phantom', async () => {
    const root = await makeFolder();
    const how = { jobs: 2, signal: new AbortController().signal, progress: noProgress };
    await generatePhantom({
      sites: 2,
      perClass: 1,
      size: 24,
      seed: 1,
      target: join(root, 'heads'),
      ...how,
    });
    const [source, target] = [join(root, 'heads'), join(root, 'prepared')];
    await prepareDataset({ source, target, pipeline: STANDARD_PIPELINE, skipBad: false, ...how });
    expect(issuesOf(target)).toEqual([]);
  });

  it('in several contrasts on one grid, with masks and tables, and in the masks', async () => {
    const root = await makeFolder();
    const source = await contrastsTree(join(root, 'bids'));
    const { selection } = await readSelectionOptions(source, { channel: ['T1w', 'FLAIR'] });
    await prepareDataset({
      source,
      target: join(root, 'prepared'),
      pipeline: STANDARD_PIPELINE,
      selection,
      jobs: 2,
      skipBad: false,
      signal: new AbortController().signal,
      progress: noProgress,
    });
    expect(issuesOf(join(root, 'prepared'))).toEqual([]);
    expect(issuesOf(join(root, 'prepared', 'derivatives', 'lesions'))).toEqual([]);
  });

  it.each([
    ['derivative', ['error', 'warning']],
    // Of raw data it recommends numbers that made headers do not hold.
    ['raw', ['error']],
  ])('in an import of DICOM that is a %s data set: no %s', async (type, severities) => {
    const root = await makeFolder();
    for (const patient of [1, 2, 3])
      for (const series of [1, 2]) {
        const uids = `1.2.826.0.1.3680043.10.999.${patient}`;
        const values = {
          PatientID: `P${patient}`,
          StudyInstanceUID: `${uids}.1`,
          SeriesInstanceUID: `${uids}.2.${series}`,
          SeriesNumber: String(series),
          ContrastBolusAgent: series === 2 ? 'Gadovist' : undefined,
        };
        const head = headSlices(madeHead({ seed: patient, voxel: [5, 5, 6], shape: [38, 52, 36] }));
        const each = (index: number) => ({
          ...head.each(index),
          SOPInstanceUID: `${uids}.3.${series}.${index}`,
        });
        const all = { ...values, ...head.values };
        await writeSeries(
          join(root, `dicom/${patient}-${series}`),
          madeSeries({ slices: head.slices, values: all, each }),
        );
      }
    await writeFiles(root, {
      'map.yaml': [
        'version: 1',
        `dataset_type: ${type}`,
        'rules:',
        '  - {name: after, when: {ContrastBolusAgent: true}, suffix: T1w, entities: {ce: gadolinium}}',
        '  - {name: before, when: {ContrastBolusAgent: false}, suffix: T1w}',
        'labels: {table: labels.csv, id: patient_id, label: diagnosis}',
      ].join('\n'),
      'labels.csv': 'patient_id,diagnosis\nP1,ill\nP2,well\nP3,ill\n',
    });
    const target = join(root, 'bids');
    const { images, faces } = await importDicom({
      source: join(root, 'dicom'),
      target,
      map: join(root, 'map.yaml'),
      keyFile: join(root, 'site.key'),
      name: 'test',
      license: 'CC0',
      authors: [],
      jobs: 2,
      skipBad: false,
      dryRun: false,
      deface: true,
      signal: new AbortController().signal,
    });
    expect(images).toBe(6);
    expect(faces.map(({ face }) => face)).toEqual(Array(6).fill('removed'));
    expect(issuesOf(target, severities)).toEqual([]);
  });

  it('in figures of quality, and maps of series', async () => {
    const root = await makeFolder();
    const source = join(root, 'bids');
    await makeTree(source, {
      'participants.tsv': tsv(['participant_id', 'site'], ['sub-01', 'a']),
      'sub-01/func/sub-01_task-rest_bold.nii.gz': { seed: 1, volumes: 4 },
      'sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz': { seed: 2 },
    });
    for (const suffix of ['T1w', 'bold']) {
      const out = join(root, suffix);
      const { signal } = new AbortController();
      const how = { sheet: undefined, gate: [], jobs: 1, signal, progress: noProgress };
      const { images, maps } = await measureQualityOf({ ...how, source, select: { suffix }, out });
      expect([images.length, maps.length]).toEqual([1, suffix === 'bold' ? 1 : 0]);
      expect(issuesOf(out)).toEqual([]);
    }
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

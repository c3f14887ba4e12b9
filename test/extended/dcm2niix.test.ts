import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { importDicom } from '../../src/preprocess/dicom/import/run-import.ts';
import { decodeNifti, readNifti } from '../../src/preprocess/nifti/read.ts';
import { importOptions } from '../support/import-options.ts';
import { madeSeries, SYNTAX, writeSeries } from '../support/made-dicom.ts';
import { tempFolder } from '../support/temp-folder.ts';

const run = promisify(execFile);
/** Debian's package, from apt. */
const DCM2NIIX = '/usr/bin/dcm2niix';
const REAL = join(resolve(process.env.NEUROFLARE_TEST_DATA ?? '../shared/data'), 'dicom');

const MAP = `version: 1
rules:
  - {name: series, when: {SeriesDescription: ['ax_asc*', 'sag_asc*']}, suffix: bold, entities: {task: rest}}
  - {name: volume, when: {SeriesDescription: 'fMRI_MB*'}, suffix: sbref, entities: {task: rest}}
  - {name: t1, when: {ScanningSequence: GR}, suffix: T1w}
`;

/** Both converters on one folder: what each made, as voxels and affine, whatever the names. */
async function bothOf(source: string, folder: string) {
  await mkdir(folder, { recursive: true });
  const options = importOptions(folder, { source });
  const { target, map } = options;
  await writeFile(map, MAP);
  const made = await importDicom(options);
  const native = join(folder, 'native');
  await mkdir(native);
  await run(DCM2NIIX, ['-z', 'n', '-b', 'n', '-f', '%s', '-o', native, source]);
  const ours = await Promise.all(
    made.series.flatMap(({ images }) => images.map((path) => readNifti(join(target, `${path}.nii.gz`)))),
  );
  const names = (await readdir(native)).filter((name) => name.endsWith('.nii'));
  const theirs = await Promise.all(
    names.map(async (name) => decodeNifti(await readFile(join(native, name)), name)),
  );
  const facts = (images: readonly Awaited<ReturnType<typeof readNifti>>[]) =>
    images
      .map(({ shape, dtype, affine, data }) => ({
        shape,
        dtype,
        affine,
        data: Buffer.from(data.buffer).toString('base64'),
      }))
      .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return { ours: facts(ours), theirs: facts(theirs) };
}

describe.skipIf(!existsSync(DCM2NIIX))("Debian's dcm2niix", () => {
  const root = tempFolder();

  it.skipIf(!existsSync(REAL))(
    'makes the same voxels and affines of real series: mosaics, JPEG, JPEG 2000',
    async () => {
      const { ours, theirs } = await bothOf(REAL, join(root, 'real'));
      expect(ours).toHaveLength(4);
      expect(ours).toEqual(theirs);
    },
  );

  const tilted = { ImageOrientationPatient: ['0.8', '0.6', '0', '-0.36', '0.48', '-0.8'] };
  const made: [string, Uint8Array[]][] = [
    ['explicit', madeSeries()],
    ['implicit', madeSeries({ syntax: SYNTAX.implicit })],
    ['two-dimensional', madeSeries({ values: { MRAcquisitionType: '2D' } })],
    [
      'oblique',
      madeSeries({
        values: tilted,
        each: (index) => ({
          ImagePositionPatient: [-0.48, 0.64, 0.6].map((step) => (step * index).toFixed(4)),
        }),
      }),
    ],
  ];
  it.each(made)('makes the same of files that are %s', async (name, files) => {
    const source = join(root, `${name}-in`);
    await writeSeries(source, files);
    const { ours, theirs } = await bothOf(source, join(root, name));
    expect(ours).toHaveLength(1);
    expect(ours).toEqual(theirs);
  });
});

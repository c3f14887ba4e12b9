import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openSiteKey } from '../../src/preprocess/dicom/site-key.ts';
import { encapsulated, PACKED, packedSeries, runLengths } from '../support/dicom-encodings.ts';
import {
  each,
  encoded,
  enhanced,
  JANE,
  type MadeSeries,
  madeSeries,
  type Natural,
  SECRETS,
  SOP,
  writeSeries,
} from '../support/made-dicom.ts';
import { refusalsIn } from '../support/refusals.ts';
import { tempFolder } from '../support/temp-folder.ts';

const cwd = tempFolder();
const at = (...path: string[]) => join(cwd, ...path);
const { refused } = refusalsIn(cwd);

const values = (natural: Natural): MadeSeries => ({ values: natural });

/** Folders of one series each: what is wrong with it, and the word that names it. */
const BAD: readonly (readonly [folder: string, names: string, files: readonly Uint8Array[]])[] = [
  [
    'a-slice-missing',
    'missing_slices',
    madeSeries(
      each((index) => ({ ImagePositionPatient: ['0', '0', String(index < 3 ? index : index + 1)] })),
    ),
  ],
  [
    'a-slice-twice',
    'doubled_slices',
    madeSeries(
      each((index) => (index === 5 ? { ImagePositionPatient: ['-8', '-6', '4'], InstanceNumber: '5' } : {})),
    ),
  ],
  [
    'one-instance-twice',
    'copies_differ',
    madeSeries(each((index) => (index === 5 ? { SOPInstanceUID: '1.2.826.0.1.3680043.10.999.3.3.1' } : {}))),
  ],
  ['two-matrices', 'mixed_geometry', madeSeries(each((index) => (index > 3 ? { Rows: 10 } : {})))],
  ['two-people', 'mixed_patients', madeSeries(each((index) => (index > 2 ? { PatientID: 'OTHER-1' } : {})))],
  ['no-pixels', 'no_pixels', madeSeries(values({ PixelData: undefined }))],
  ['pixels-cut', 'pixels_short', madeSeries().map((bytes) => bytes.subarray(0, -40))],
  ['spacing-of-0', 'no_spacing', madeSeries(values({ PixelSpacing: ['0', '0'] }))],
  ['burnt-in', 'burnt_in', madeSeries(values({ BurnedInAnnotation: 'YES' }))],
  ['a-screen', 'secondary_capture', madeSeries(values({ SOPClassUID: SOP.capture, ConversionType: 'WSD' }))],
  ['ct', 'not_mr', madeSeries(values({ SOPClassUID: SOP.ct, Modality: 'CT' }))],
  ['pet', 'not_mr', madeSeries(values({ SOPClassUID: SOP.pet, Modality: 'PT' }))],
  [
    'pdf',
    'not_an_image',
    madeSeries({
      slices: 1,
      ...values({
        SOPClassUID: SOP.pdf,
        PixelData: undefined,
        EncapsulatedDocument: new Uint8Array(64).buffer,
      }),
    }),
  ],
  ['htj2k', 'syntax', packedSeries(PACKED.htj2k, runLengths)],
  ['frames-of-jpeg-2000', 'compressed_frames', [framesOf(PACKED.jpeg2000)]],
  [
    'damaged-run-lengths',
    'not_converted',
    packedSeries(PACKED.rle, (frame) => runLengths(frame).subarray(0, 30)),
  ],
];

function framesOf(syntax: string): Uint8Array {
  const { PixelData: _none, ...header } = enhanced(3);
  const frames = [1, 2, 3].map(() => new Uint8Array(64));
  return Buffer.concat([encoded(header, { syntax }), encapsulated(frames)]);
}

const bids = (folder: string, map = 'map.yaml') =>
  `preprocess bids ${folder} out --dicom-map ${map} --key keys/site.key -q`.split(' ');

beforeAll(async () => {
  await mkdir(at('keys'));
  await openSiteKey(at('keys', 'site.key'), { make: true });
  for (const [folder, , files] of BAD) await writeSeries(at(folder, 'DOE_JANE'), files);
  await writeSeries(at('sound', 'DOE_JANE'), madeSeries());
  await writeSeries(at('telling', 'DOE_JANE'), madeSeries(values({ SequenceName: '*DOE_JANE' })));
  await mkdir(at('directory', 'DOE_JANE'), { recursive: true });
  const record = { DirectoryRecordType: 'IMAGE', ReferencedFileID: ['DOE_JANE', 'IM0'] };
  const directory = { ...JANE, SOPClassUID: '1.2.840.10008.1.3.10', SOPInstanceUID: '1.2.3' };
  await writeFile(at('directory', 'DICOMDIR'), encoded({ ...directory, DirectoryRecordSequence: [record] }));
  await writeFile(at('directory', 'DOE_JANE', 'IM0'), 'cut off');
  const rule = (more: string) =>
    `version: 1\nrules:\n  - {name: all, when: {Manufacturer: ACME}, deface: false, ${more}}\n`;
  await writeFile(at('map.yaml'), rule('suffix: T1w'));
  await writeFile(at('doe.yaml'), rule('suffix: T1w, entities: {acq: doe}'));
  await writeFile(at('none.yaml'), rule('suffix: T1w').replace('ACME', 'OTHER'));
});

/** Runs a row, and looks for the patient in all that was said. */
async function silent(row: Parameters<typeof refused>[0]) {
  const answer = await refused(row);
  const said = JSON.stringify(answer);
  expect(SECRETS.filter((secret) => said.includes(secret))).toEqual([]);
  return answer;
}

describe('an import of DICOM', () => {
  it.each(BAD)(
    'of %s is refused by %s with a next step; nothing is written, nothing said of the patient',
    async (folder, names) => {
      const words = bids(folder);
      const place = { file: folder };
      const answer = await silent({
        what: folder,
        words,
        code: 'NF_DICOM_BAD_SERIES',
        says: '1 of 1',
        place,
      });
      expect(String(answer.location?.excerpt)).toMatch(
        new RegExp(`^[0-9a-f]{8}: .*\\(${names}, \\d+\\): \\w`),
      );
    },
  );

  it.each([
    ['whose files are gone but for the directory', bids('directory'), 'NF_DICOM_NOTHING', 'No DICOM image'],
    ['that no rule takes', bids('sound', 'none.yaml'), 'NF_DICOM_UNMATCHED', 'None of the 1'],
    ['whose sidecar would tell', bids('telling'), 'NF_DICOM_IDENTIFIER', 'SequenceName'],
    ['whose path would tell', bids('sound', 'doe.yaml'), 'NF_DICOM_IDENTIFIER', 'entities'],
    [
      'into its own folder',
      'preprocess bids sound sound/out --dicom-map map.yaml --key keys/site.key'.split(' '),
      'NF_BIDS_PLACES',
      'sound',
    ],
  ])('%s is refused', async (what, words, code, says) => {
    await silent({ what, words, code, says });
  });
});

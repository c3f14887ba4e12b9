import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { importDicom } from '../../../../src/preprocess/dicom/import/run-import.ts';
import type { DicomImport, ImportedSeries } from '../../../../src/preprocess/dicom/import/summary.ts';
import { readNifti } from '../../../../src/preprocess/nifti/read.ts';
import {
  deflated,
  encapsulated,
  type Frame,
  losslessJpeg,
  PACKED,
  packedSeries,
  runLengths,
} from '../../../support/dicom-encodings.ts';
import { importOptions } from '../../../support/import-options.ts';
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
  SYNTAX,
  withoutMeta,
  writeSeries,
} from '../../../support/made-dicom.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

/** Everything that archives and discs hold, mixed in one folder: each kind is a series of its own. */
let number = 10;
const own = (kind: string, values: Natural = {}): Natural => ({
  ProtocolName: kind,
  SeriesNumber: String(++number),
  SeriesInstanceUID: `1.2.826.0.1.3680043.10.999.2.${number}`,
  ...values,
});
const made = (kind: string, { values = {}, ...of }: MadeSeries = {}) =>
  madeSeries({ ...of, values: own(kind, values) });

/** Kinds that become a volume: the same voxels as the plain series has. */
const READ: [string, Uint8Array[]][] = [
  ['plain', made('plain')],
  ['implicit', made('implicit', { syntax: SYNTAX.implicit })],
  ['bigendian', made('bigendian', { syntax: SYNTAX.big })],
  ['deflated', deflated(made('deflated'))],
  ['rle', packedSeries(PACKED.rle, runLengths, { values: own('rle') })],
  ['jpeglossless', packedSeries(PACKED.jpegLossless, losslessJpeg, { values: own('jpeglossless') })],
  ['fragments', packedSeries(PACKED.jpegLossless, losslessJpeg, { values: own('fragments') }, cutInTwo)],
  ['nopreamble', made('nopreamble').map((bytes) => bytes.subarray(132))],
  ['nometa', made('nometa').map(withoutMeta)],
  ['implicitnometa', made('implicitnometa', { syntax: SYNTAX.implicit }).map(withoutMeta)],
  ['twice', [...made('twice'), ...madeSeries({ values: { ...own('twice'), ...sameAs() } })]],
];

function cutInTwo(frame: Uint8Array): Uint8Array[] {
  return [frame.subarray(0, 100), frame.subarray(100)];
}

function sameAs(): Natural {
  number--;
  return { SeriesNumber: String(number), SeriesInstanceUID: `1.2.826.0.1.3680043.10.999.2.${number}` };
}

/** Kinds that are refused, with the code that names each. */
const REFUSED: [string, string, Uint8Array[]][] = [
  [
    'missing',
    'missing_slices',
    made(
      'missing',
      each((index) => ({ ImagePositionPatient: ['-8', '-6', String(index < 3 ? index : index + 1)] })),
    ),
  ],
  [
    'doubled',
    'doubled_slices',
    made(
      'doubled',
      each((index) => (index === 5 ? { ImagePositionPatient: ['-8', '-6', '4'], InstanceNumber: '5' } : {})),
    ),
  ],
  [
    'mixedgeometry',
    'mixed_geometry',
    made(
      'mixedgeometry',
      each((index) => (index > 3 ? { Rows: 10 } : {})),
    ),
  ],
  [
    'capture',
    'secondary_capture',
    made('capture', { values: { SOPClassUID: SOP.capture, ConversionType: 'WSD', Modality: 'OT' } }),
  ],
  ['burntin', 'burnt_in', made('burntin', { values: { BurnedInAnnotation: 'YES' } })],
  ['ct', 'not_mr', made('ct', { values: { SOPClassUID: SOP.ct, Modality: 'CT' } })],
  ['pet', 'not_mr', made('pet', { values: { SOPClassUID: SOP.pet, Modality: 'PT' } })],
  [
    'pdf',
    'not_an_image',
    made('pdf', {
      slices: 1,
      values: {
        SOPClassUID: SOP.pdf,
        Modality: 'DOC',
        PixelData: undefined,
        EncapsulatedDocument: new Uint8Array(64).buffer,
      },
    }),
  ],
  ['nopixels', 'no_pixels', made('nopixels', { values: { PixelData: undefined } })],
  ['nospacing', 'no_spacing', made('nospacing', { values: { PixelSpacing: ['0', '0'] } })],
  ['noposition', 'no_position', made('noposition', { values: { ImagePositionPatient: undefined } })],
  ['short', 'pixels_short', made('short').map((bytes) => bytes.subarray(0, -40))],
  ['htj2k', 'syntax', packedSeries(PACKED.htj2k, runLengths, { values: own('htj2k') })],
  ['framesjpeg2000', 'compressed_frames', [enhancedPacked('framesjpeg2000', PACKED.jpeg2000, noJpeg)]],
  ['framesjpegls', 'compressed_frames', [enhancedPacked('framesjpegls', PACKED.jpegLs, noJpeg)]],
  ['film', 'syntax', made('film', { syntax: '1.2.840.10008.1.2.4.102' })],
  [
    'people',
    'mixed_patients',
    made(
      'people',
      each((index) => (index > 2 ? { PatientID: 'OTHER-1' } : {})),
    ),
  ],
  [
    'localizer',
    'localizer',
    made('localizer', { values: { ImageType: ['ORIGINAL', 'PRIMARY', 'LOCALIZER'] } }),
  ],
  ['damagedrle', 'not_converted', packedSeries(PACKED.rle, cutShort, { values: own('damagedrle') })],
  ['damagedjpeg', 'not_converted', packedSeries(PACKED.jpegLossless, noJpeg, { values: own('damagedjpeg') })],
];

function cutShort(frame: Frame): Uint8Array {
  return runLengths(frame).subarray(0, 30);
}

function noJpeg(): Uint8Array {
  return new Uint8Array(64).fill(0x4a);
}

/** Two echoes of one series, and frames of one file: several images, or many slices in one. */
const ECHOES = made('echoes', {
  slices: 12,
  each: (index) => ({
    ImagePositionPatient: ['-8', '-6', String(index % 6)],
    EchoNumbers: String(1 + Math.floor(index / 6)),
    EchoTime: index < 6 ? '4' : '9',
  }),
});
const ENHANCED = [encoded({ ...enhanced(5), ...own('enhanced') })];
const ENHANCED_RLE = [enhancedPacked('enhancedrle', PACKED.rle, runLengths)];
const ENHANCED_JPEG = [enhancedPacked('enhancedjpeg', PACKED.jpegLossless, losslessJpeg)];

function enhancedPacked(kind: string, syntax: string, encode: (frame: Frame) => Uint8Array): Uint8Array {
  const { PixelData: _none, ...header } = { ...enhanced(4), ...own(kind) };
  const frames = Array.from({ length: 4 }, (_, frame) =>
    encode({ columns: 16, rows: 12, pixels: Uint16Array.from({ length: 192 }, (_, at) => frame * 192 + at) }),
  );
  return Buffer.concat([encoded(header, { syntax }), encapsulated(frames)]);
}

const root = tempFolder();
const source = join(root, 'disc');
const map = join(root, 'map.yaml');
const target = join(root, 'bids');
let result: DicomImport;
let names: string[];

const run = (more: Partial<Parameters<typeof importDicom>[0]> = {}) =>
  importDicom(importOptions(root, { source, skipBad: true, ...more }));

beforeAll(async () => {
  const all = [
    ...READ,
    ...REFUSED.map(([kind, , files]) => [kind, files] as const),
    ['echoes', ECHOES] as const,
    ['enhanced', ENHANCED] as const,
    ['enhancedrle', ENHANCED_RLE] as const,
    ['enhancedjpeg', ENHANCED_JPEG] as const,
  ];
  names = all.map(([kind]) => kind);
  // Names as discs have them: of no series, without an ending, and all in one folder.
  const files = all.flatMap(([, own]) => own);
  await writeSeries(
    source,
    files,
    (index) => `DOE_JANE/I${String((index * 7919) % files.length).padStart(7, '0')}`,
  );
  const record = { DirectoryRecordType: 'IMAGE', ReferencedFileID: ['DOE_JANE', 'I0000000'] };
  const directory = { ...JANE, SOPClassUID: '1.2.840.10008.1.3.10', SOPInstanceUID: '1.2.3' };
  await writeFile(join(source, 'DICOMDIR'), encoded({ ...directory, DirectoryRecordSequence: [record] }));
  await writeFile(join(source, 'DOE_JANE', 'AUTORUN.INF'), '[autorun]');
  const rules = names.map(
    (kind) => `  - {name: ${kind}, when: {ProtocolName: ${kind}}, suffix: T1w, entities: {acq: ${kind}}}\n`,
  );
  await writeFile(map, `version: 1\nrules:\n${rules.join('')}`);
  result = await run();
}, 120_000);

const of = (kind: string): ImportedSeries => {
  const [found, ...more] = result.series.filter(({ rule }) => rule === kind);
  expect(more).toEqual([]);
  if (!found) throw new Error(`no series ${kind}`);
  return found;
};
const voxels = async (path: string) => readNifti(join(target, `${path}.nii.gz`));

describe('a disc of everything that archives hold', () => {
  it('is told apart file by file: images, its directory, other files', () => {
    expect(result.files).toMatchObject({ directory: 1, other: 1, damaged: 0 });
    expect(result.series).toHaveLength(names.length);
  });

  it.each(READ)('has its series read that is %s, voxel by voxel', async (kind) => {
    expect(of(kind)).toMatchObject({ outcome: 'converted' });
    const [path = ''] = of(kind).images;
    const plain = await voxels(of('plain').images[0] ?? '');
    const { shape, affine, data } = await voxels(path);
    expect(shape).toEqual([16, 12, 6]);
    expect(affine).toEqual(plain.affine);
    expect([...data]).toEqual([...plain.data]);
  });

  it('has the right voxels in the plain one', async () => {
    const { data } = await voxels(of('plain').images[0] ?? '');
    const wanted = Array.from(
      { length: 6 * 192 },
      (_, at) => (Math.floor(at / 192) * 37 + (at % 192) * 11) % 4096,
    );
    expect([...data].sort((a, b) => a - b)).toEqual(wanted.sort((a, b) => a - b));
  });

  it('has the echoes of a series told apart by name', async () => {
    const { outcome, images } = of('echoes');
    expect(outcome).toBe('converted');
    expect(images.map((path) => /_echo-\d/.exec(path)?.[0])).toEqual(['_echo-1', '_echo-2']);
    const [first, second] = await Promise.all(images.map(voxels));
    expect([first?.shape, second?.shape]).toEqual([
      [16, 12, 6],
      [16, 12, 6],
    ]);
    expect([...(first?.data ?? [])]).not.toEqual([...(second?.data ?? [])]);
  });

  it.each([
    ['enhanced', 5],
    ['enhancedrle', 4],
    ['enhancedjpeg', 4],
  ])('has the frames of one %s file as slices', async (kind, slices) => {
    expect(of(kind)).toMatchObject({ outcome: 'converted' });
    const { shape, affine, data } = await voxels(of(kind).images[0] ?? '');
    expect(shape).toEqual([16, 12, slices]);
    expect(Math.abs(affine[2]?.[2] ?? 0)).toBe(2);
    const wanted = Array.from({ length: 192 * slices }, (_, at) => at);
    expect([...data].sort((a, b) => a - b)).toEqual(wanted);
  });

  it.each(REFUSED)('has its series refused by name that is %s: %s', (kind, code) => {
    const { outcome, images, problems } = of(kind);
    expect(outcome).toBe('refused');
    expect(images).toEqual([]);
    expect(problems.map((problem) => problem.code)).toContain(code);
  });

  it('stops without --skip-bad, names every bad series with what to do, says nothing of a patient and leaves nothing', async () => {
    const failure = await run({ skipBad: false, target: join(root, 'second') }).then(
      () => undefined,
      (error: { code: string; message: string; hint: string; place: { excerpt: string } }) => error,
    );
    expect(failure?.code).toBe('NF_DICOM_BAD_SERIES');
    const lines = failure?.place.excerpt.split('\n') ?? [];
    const known = REFUSED.filter(([, code]) => code !== 'not_converted');
    expect(lines).toHaveLength(known.length);
    for (const line of lines) expect(line).toMatch(/^[0-9a-f]{8}: .+ \([a-z_]+, \d+\): \w/);
    for (const [kind, code] of known) {
      const line = lines.find((one) => one.startsWith(of(kind).series)) ?? '';
      expect(line).toContain(`(${code}, `);
    }
    const said = `${failure?.message} ${failure?.hint} ${failure?.place.excerpt}`;
    expect(SECRETS.filter((secret) => said.includes(secret))).toEqual([]);
    expect((await readdir(root)).sort()).toEqual(['bids', 'disc', 'keys', 'map.yaml']);
  });
});

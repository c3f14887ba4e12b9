import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspectFolder } from '../../../../src/preprocess/dicom/inspect.ts';
import type { InspectResult } from '../../../../src/preprocess/dicom/inspect-schema.ts';
import { Persons } from '../../../../src/preprocess/dicom/persons.ts';
import { openSiteKey } from '../../../../src/preprocess/dicom/site-key.ts';
import { noProgress } from '../../../../src/runtime/base/logging/progress.ts';
import {
  each,
  encoded,
  enhanced,
  JANE,
  type MadeSeries,
  madeSeries,
  SECRETS,
  SOP,
  SYNTAX,
  withoutMeta,
  writeSeries,
} from '../../../support/made-dicom.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let folders = 0;

/** A new folder with the files of some series, each in a folder of its own. */
async function folderOf(...series: readonly (readonly Uint8Array[])[]): Promise<string> {
  const folder = join(root, `in-${++folders}`);
  for (const [at, files] of series.entries()) await writeSeries(join(folder, `DOE_JANE_${at}`), files);
  return folder;
}

function inspect(
  source: string,
  more: Partial<Parameters<typeof inspectFolder>[0]> = {},
): Promise<InspectResult> {
  return inspectFolder({
    source,
    keyFile: undefined,
    map: undefined,
    table: undefined,
    paths: undefined,
    jobs: 4,
    progress: noProgress,
    signal: new AbortController().signal,
    ...more,
  });
}

function implicitElement(tag: string, value: Uint8Array): Uint8Array {
  const [group = 0, element = 0] = tag.split(',').map((part) => Number.parseInt(part, 16));
  const head = Buffer.alloc(8);
  head.writeUInt16LE(group, 0);
  head.writeUInt16LE(element, 2);
  head.writeUInt32LE(value.length, 4);
  return Buffer.concat([head, value]);
}

/** An MR image in the implicit syntax, where values have any length; more elements by tag. */
function implicitImage(more: Readonly<Record<string, string>>): Uint8Array {
  const values = Object.entries({
    '0008,0016': SOP.mr,
    '0008,0018': '1.2.3.4',
    '0008,0060': 'MR',
    '0010,0020': 'MRN-4711',
    '0020,000d': '1.2.3',
    '0020,000e': '1.2.3.1',
    ...more,
  }).sort(([a], [b]) => (a < b ? -1 : 1));
  const elements = values.map(([tag, text]) => implicitElement(tag, Buffer.from(text)));
  // Pixels, which end what is read.
  return Buffer.concat([...elements, Buffer.from([0xe0, 0x7f, 0x10, 0, 2, 0, 0, 0, 0, 0])]);
}

/** A DICOMDIR of records that name a file each, in the implicit syntax. */
function directoryOf(count: number): Uint8Array {
  const record = Buffer.from([0xfe, 0xff, 0, 0xe0, 10, 0, 0, 0, 4, 0, 0, 0x15, 2, 0, 0, 0, 0x41, 0x20]);
  const head = implicitElement('0004,1220', Buffer.alloc(record.length * count, record));
  return Buffer.concat([implicitElement('0008,0005', Buffer.from('ISO_IR 192')), head]);
}

const codesOf = (result: InspectResult, at = 0) =>
  result.series[at]?.problems.map(({ code, count }) => `${code} ${count}`);
const made = (of: MadeSeries = {}) => madeSeries(of);

describe('a folder of DICOM files', () => {
  it('is listed series by series, with nothing that identifies', async () => {
    const second = made({
      values: {
        SeriesNumber: '4',
        SeriesDescription: 't1 mpr Gd 18.09.2018 MRN-4711-77',
        ContrastBolusAgent: 'Gadovist',
      },
    });
    const result = await inspect(await folderOf(made(), second));
    expect(result.series).toMatchObject([
      {
        modality: 'MR',
        description: 't1 mprage sag …',
        matrix: [16, 12, 6],
        spacing: [1, 1, 1],
        volumes: 1,
        files: 6,
        kind: 'slices',
        contrast: null,
        problems: [],
      },
      { description: 't1 mpr Gd …', contrast: 'Gadovist' },
    ]);
    expect(result.subjects).toBe(1);
    const text = JSON.stringify({ ...result, source: '' });
    expect(SECRETS.filter((secret) => text.includes(secret))).toEqual([]);
  });

  it('may have any names, folders in one another, and files of other kinds beside', async () => {
    const folder = await folderOf(made());
    await writeSeries(
      join(folder, 'a', 'b'),
      made({ values: { SeriesNumber: '4' } }),
      (index) => `${index}.jpg`,
    );
    await writeFile(join(folder, 'readme.txt'), 'DOE JANE');
    await writeFile(join(folder, 'empty.dcm'), '');
    await mkdir(join(folder, 'outside'));
    await symlink('/etc', join(folder, 'link'));
    const result = await inspect(folder);
    expect(result.series).toHaveLength(2);
    expect(result.files).toMatchObject({ images: 12, other: 2, not_followed: 1 });
  });

  const forms: [string, readonly Uint8Array[]][] = [
    ['implicit', made({ syntax: SYNTAX.implicit })],
    ['big-endian', made({ syntax: SYNTAX.big })],
    ['without preamble', made().map((bytes) => bytes.subarray(132))],
    ['without meta information', made().map(withoutMeta)],
    ['implicit, without meta information', made({ syntax: SYNTAX.implicit }).map(withoutMeta)],
  ];
  it.each(forms)('is read where its files are %s', async (_name, files) => {
    const result = await inspect(await folderOf(files));
    expect(result.series).toMatchObject([
      { matrix: [16, 12, 6], spacing: [1, 1, 1], description: 't1 mprage sag …', problems: [] },
    ]);
  });

  it('has long headers read to their end', async () => {
    const long = {
      ImageComments: undefined,
      RedPaletteColorLookupTableData: new Uint8Array(400_000).buffer,
    };
    const result = await inspect(await folderOf(made({ values: long })));
    expect(result.series).toMatchObject([{ matrix: [16, 12, 6], problems: [] }]);
  });

  const endless: [string, string][] = [
    ['zeros, which pad values', `t1${'\0'.repeat(3_000_000)}x`],
    ['letters without a blank', `t1 ${'y'.repeat(3_000_000)}`],
    ['digits', '1'.repeat(3_000_000)],
  ];
  it.each(endless)(
    'shows nothing of a description of millions of %s, and comes to its end',
    async (_name, text) => {
      const files = [implicitImage({ '0008,103e': text, '0010,0010': 'DOE^JANE' })];
      expect((await inspect(await folderOf(files))).series).toMatchObject([{ description: '…' }]);
    },
  );

  it('keeps little of names without end', async () => {
    const names = Array.from({ length: 4000 }, (_, at) => `${at}${'n'.repeat(at)}`).join('\\');
    const text = Array.from({ length: 80 }, (_, at) => at).join(' ');
    const files = [implicitImage({ '0008,103e': text, '0010,1001': names })];
    expect((await inspect(await folderOf(files))).series).toHaveLength(1);
  });

  it('takes a directory that lists more files than there are', async () => {
    const folder = await folderOf(made());
    await writeFile(join(folder, 'DICOMDIR'), directoryOf(150_000));
    const { directory, files } = await inspect(folder);
    expect(directory).toEqual({ missing: 150_000 });
    expect(files).toMatchObject({ images: 6, directory: 1 });
  });

  it('knows several people under one patient id, in the time of the files', () => {
    const persons = new Persons();
    let wrong = 0;
    for (let at = 0; at < 200_000; at++) {
      persons.note('a', { text: (tag) => (tag === '0010,0030' ? String(at) : 'O') });
      persons.note(`b${at}`, { text: (tag) => (tag === '0010,0040' ? 'F' : undefined) });
      if (persons.areSeveral('a') !== at > 0 || persons.areSeveral(`b${at}`)) wrong++;
    }
    expect(wrong).toBe(0);
  });

  const spelt: [string, string, string][] = [
    ['MUELLER^JUERGEN', 'mprage Müller, Jürgen', 'mprage …'],
    ['Müller^Jürgen', 'mprage Mueller Juergen', 'mprage …'],
    ['Müller^Jürgen', 'mprage MULLER', 'mprage …'],
    ['LØKKEGÅRD^ANNE', 'mprage Loekkegaard', 'mprage …'],
    ['GARCIA^INES', 'mprage de García', 'mprage de …'],
    ['Große^Anna', 'mprage GROSSE', 'mprage …'],
    ['DOE^JANE', 'mprage Schädel', 'mprage Schädel'],
  ];
  it.each(spelt)('hides %s in "%s"', async (name, description, shown) => {
    const files = [implicitImage({ '0008,0005': 'ISO_IR 192', '0008,103e': description, '0010,0010': name })];
    expect((await inspect(await folderOf(files))).series).toMatchObject([{ description: shown }]);
  });

  const faults: [string, MadeSeries, string[]][] = [
    [
      'a slice in the middle is missing',
      each((index) => ({ ImagePositionPatient: ['0', '0', String(index < 3 ? index : index + 1)] })),
      ['missing_slices 1'],
    ],
    [
      'a slice is there twice with other pixels',
      each((index) => (index === 5 ? { ImagePositionPatient: ['-8', '-6', '4'], InstanceNumber: '5' } : {})),
      ['doubled_slices 1'],
    ],
    ['slices have another matrix', each((index) => (index > 3 ? { Rows: 10 } : {})), ['mixed_geometry 2']],
    [
      'slices lie in three planes',
      each((index) => ({
        ImageOrientationPatient: [
          ['1', '0', '0', '0', '1', '0'],
          ['1', '0', '0', '0', '0', '-1'],
          ['0', '1', '0', '0', '0', '-1'],
        ][index % 3],
      })),
      ['localizer 6'],
    ],
    [
      'it says that it is a localizer',
      { values: { ImageType: ['ORIGINAL', 'PRIMARY', 'LOCALIZER'] } },
      ['localizer 6'],
    ],
    ['pixels have no size', { values: { PixelSpacing: ['0', '0'] } }, ['no_spacing 6']],
    ['pixels have no size at all', { values: { PixelSpacing: undefined } }, ['no_spacing 6']],
    ['slices have no place', { values: { ImagePositionPatient: undefined } }, ['no_position 6']],
    ['there are no pixels', { values: { PixelData: undefined } }, ['no_pixels 6']],
    ['there are too few pixels', { values: { PixelData: new Uint8Array(100).buffer } }, ['pixels_short 6']],
    ['patient data are drawn in', { values: { BurnedInAnnotation: 'YES' } }, ['burnt_in 6']],
    [
      'it is a screen shot',
      { values: { SOPClassUID: SOP.capture, ConversionType: 'WSD', Modality: 'OT' } },
      ['secondary_capture 6', 'not_mr 6'],
    ],
    ['it is a CT', { values: { SOPClassUID: SOP.ct, Modality: 'CT' } }, ['not_mr 6']],
    ['it is a PET', { values: { SOPClassUID: SOP.pet, Modality: 'PT' } }, ['not_mr 6']],
    [
      'it is a PDF',
      {
        slices: 1,
        values: {
          SOPClassUID: SOP.pdf,
          Modality: 'DOC',
          PixelData: undefined,
          EncapsulatedDocument: new Uint8Array(64).buffer,
        },
      },
      ['not_an_image 1'],
    ],
    [
      'it is in colour',
      {
        values: {
          SamplesPerPixel: 3,
          PhotometricInterpretation: 'RGB',
          BitsAllocated: 8,
          PixelData: new Uint8Array(576).buffer,
        },
      },
      ['colour 6'],
    ],
    ['it is compressed as a film', { values: {}, syntax: '1.2.840.10008.1.2.4.102' }, ['syntax 1']],
    [
      'it is of two people',
      each((index) => (index > 2 ? { PatientID: 'OTHER-1' } : {})),
      ['mixed_patients 6'],
    ],
    [
      'one id is given to two people',
      each((index) => (index > 2 ? { PatientBirthDate: '19700101' } : {})),
      ['mixed_patients 6'],
    ],
    ['it has no patient id', { values: { PatientID: undefined } }, ['no_patient_id 6']],
    [
      'its first slices are missing',
      each((index) => ({ InstanceNumber: String(index + 4) })),
      ['late_start 3'],
    ],
  ];
  it.each(faults)('has its fault named: %s', async (_name, of, codes) => {
    expect(codesOf(await inspect(await folderOf(made(of))))).toEqual(codes);
  });

  it('may hold the same files twice', async () => {
    const result = await inspect(await folderOf(made(), made()));
    expect(result.series).toMatchObject([{ files: 6 }]);
    expect(codesOf(result)).toEqual(['copies 6']);
  });

  it('has two files of one instance that differ named', async () => {
    const changed = made({ each: () => ({ EchoTime: '9' }) }).slice(0, 1);
    expect(codesOf(await inspect(await folderOf(made(), changed)))).toEqual(['copies_differ 1']);
  });

  it('is a series of volumes where slices lie in the same places', async () => {
    const volumes = made({
      slices: 12,
      each: (index) => ({
        ImagePositionPatient: ['0', '0', String(index % 6)],
        AcquisitionNumber: String(1 + Math.floor(index / 6)),
      }),
    });
    const result = await inspect(await folderOf(volumes));
    expect(result.series).toMatchObject([{ matrix: [16, 12, 6], volumes: 2, problems: [] }]);
  });

  it('has files that end early named, within pixels or headers', async () => {
    const [first = new Uint8Array(), second = new Uint8Array(), ...rest] = made();
    const result = await inspect(await folderOf([first.subarray(0, -50), second.subarray(0, 600), ...rest]));
    expect(result.files).toMatchObject({ images: 5, damaged: 1 });
    expect(codesOf(result)).toEqual(['pixels_short 1', 'missing_slices 1']);
  });

  it('has the frames of an enhanced image counted', async () => {
    const result = await inspect(await folderOf([encoded(enhanced(5))]));
    expect(result.series).toMatchObject([
      { kind: 'multi-frame', matrix: [16, 12, 5], spacing: [1, 1, 2], volumes: 1, problems: [] },
    ]);
  });

  it('has texts of other character sets read, and names in them hidden', async () => {
    const values = {
      SpecificCharacterSet: 'GB18030',
      PatientName: 'Wang^XiaoDong=WW^XXDD',
      SeriesDescription: 'WWXXDD TTBB T1',
    };
    const result = await inspect(await folderOf(made({ values }).map(inChinese)));
    expect(result.series[0]?.description).toBe('… 头部 T1');
  });

  it('writes its table, and the paths for the site alone', async () => {
    const folder = await folderOf(made());
    const [table, paths] = [join(root, 'table.tsv'), join(root, 'paths.tsv')];
    await writeFile(join(folder, 'notes.txt'), 'x');
    const result = await inspect(folder, { table, paths });
    const rows = (await readFile(table, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(rows.map((cells) => cells.length)).toEqual([15, 15]);
    expect(rows[1]?.slice(3, 8)).toEqual(['MR', 't1 mprage sag …', '*tfl3d1', '16x12x6', '1x1x1']);
    const listed = (await readFile(paths, 'utf8')).trimEnd().split('\n').slice(1);
    expect(listed[0]).toBe(`${result.series[0]?.series}\tn/a\tDOE_JANE_0/IM0`);
    expect(listed.at(-1)).toBe('n/a\tother\tnotes.txt');
    expect((await stat(paths)).mode & 0o777).toBe(0o600);
    await expect(inspect(folder, { table })).rejects.toMatchObject({ code: 'NF_PATH_EXISTS' });
  });

  it('gives the names of an import with the key of the site, and others without', async () => {
    const folder = await folderOf(made());
    const keyFile = join(root, 'site.key');
    await openSiteKey(keyFile, { make: true });
    const subject = async (file: string | undefined) =>
      (await inspect(folder, { keyFile: file })).series[0]?.subject;
    const named = await subject(keyFile);
    expect(named).toMatch(/^sub-[0-9a-f]{12}$/);
    expect(await subject(keyFile)).toBe(named);
    expect(await subject(undefined)).not.toBe(named);
    await expect(subject(join(root, 'none.key'))).rejects.toMatchObject({ code: 'NF_PATH_MISSING' });
  });

  it('is refused where it holds no DICOM, is missing or is a file', async () => {
    const folder = await folderOf();
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'a.txt'), 'x');
    await expect(inspect(folder)).rejects.toMatchObject({ code: 'NF_DICOM_NOTHING' });
    await expect(inspect(join(folder, 'none'))).rejects.toMatchObject({ code: 'NF_PATH_MISSING' });
    await expect(inspect(join(folder, 'a.txt'))).rejects.toMatchObject({ code: 'NF_DICOM_NO_FOLDER' });
  });

  it('has files that a DICOMDIR lists and that are missing counted', async () => {
    const folder = await folderOf(made());
    const record = (path: string[]) => ({ DirectoryRecordType: 'IMAGE', ReferencedFileID: path });
    const directory = {
      ...JANE,
      SOPClassUID: '1.2.840.10008.1.3.10',
      SOPInstanceUID: '1.2.3',
      DirectoryRecordSequence: [record(['DOE_JANE_0', 'IM0']), record(['GONE', 'IM9'])],
    };
    await writeFile(join(folder, 'DICOMDIR'), encoded(directory));
    const result = await inspect(folder);
    expect(result.files).toMatchObject({ directory: 1, images: 6 });
    expect(result.directory).toEqual({ missing: 1 });
  });
});

/** Letters that stand for characters replaced by their two bytes in GB18030, which Node.js cannot write: 王小东, 头部. */
function inChinese(bytes: Uint8Array): Uint8Array {
  const codes = { WW: [0xcd, 0xf5], XX: [0xd0, 0xa1], DD: [0xb6, 0xab], TT: [0xcd, 0xb7], BB: [0xb2, 0xbf] };
  const copy = Buffer.from(bytes);
  for (const [letters, code] of Object.entries(codes))
    for (let at = copy.indexOf(letters); at !== -1; at = copy.indexOf(letters, at)) copy.set(code, at);
  return copy;
}

import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** What is used of dcmjs, which has no types of its own. */
interface Dcmjs {
  readonly data: {
    readonly DicomDict: new (meta: object) => { dict: object; write(options?: object): ArrayBuffer };
    readonly DicomMetaDictionary: { denaturalizeDataset(natural: object): object };
  };
}
const { data } = createRequire(import.meta.url)('dcmjs') as Dcmjs;

export type Natural = Readonly<Record<string, unknown>>;

export const SYNTAX = {
  implicit: '1.2.840.10008.1.2',
  explicit: '1.2.840.10008.1.2.1',
  big: '1.2.840.10008.1.2.2',
} as const;

export const SOP = {
  mr: '1.2.840.10008.5.1.4.1.1.4',
  enhanced: '1.2.840.10008.5.1.4.1.1.4.1',
  ct: '1.2.840.10008.5.1.4.1.1.2',
  pet: '1.2.840.10008.5.1.4.1.1.128',
  capture: '1.2.840.10008.5.1.4.1.1.7',
  pdf: '1.2.840.10008.5.1.4.1.1.104.1',
} as const;

const ROOT = '1.2.826.0.1.3680043.10.999';

/** A patient, a study and a place whose every name, id and date must not be seen in any output. */
export const JANE: Natural = {
  PatientName: 'DOE^JANE',
  PatientID: 'MRN-4711-77',
  PatientBirthDate: '19610203',
  PatientSex: 'F',
  PatientAge: '057Y',
  PatientWeight: '71.5',
  OtherPatientIDs: 'ALT-99-1234',
  PatientAddress: '12 Elm Grove Springfield',
  AccessionNumber: 'ACC880077',
  StudyID: 'ST5566',
  InstitutionName: 'Saint Elsewhere',
  InstitutionAddress: 'Mercy Lane 5 Gotham',
  InstitutionalDepartmentName: 'Neuro Wing Seven',
  StationName: 'MRSTATION9',
  DeviceSerialNumber: 'SN665544',
  ReferringPhysicianName: 'STRANGE^STEPHEN',
  PerformingPhysicianName: 'HOUSE^GREGORY',
  OperatorsName: 'KELSO^BOB',
  StudyDate: '20180918',
  SeriesDate: '20180918',
  AcquisitionDate: '20180918',
  ContentDate: '20180918',
  StudyTime: '101112',
  SeriesTime: '101213',
  AcquisitionTime: '101314',
  ContentTime: '101415',
  StudyInstanceUID: `${ROOT}.1.20180918101112`,
  FrameOfReferenceUID: `${ROOT}.7.20180918`,
  StudyDescription: 'Brain of Jane Doe',
  ImageComments: 'patient DOE JANE seen by STRANGE',
};

/** As bytes would show them: what a scan over an output looks for. */
export const SECRETS = [
  'DOE',
  'JANE',
  'MRN-4711-77',
  '4711',
  '19610203',
  '1961-02-03',
  'ALT-99',
  'Elm Grove',
  'ACC880077',
  'ST5566',
  'Elsewhere',
  'Mercy Lane',
  'Gotham',
  'Neuro Wing',
  'MRSTATION9',
  'SN665544',
  'STRANGE',
  'STEPHEN',
  'HOUSE',
  'GREGORY',
  'KELSO',
  '20180918',
  '2018-09-18',
  '101314',
  '10:13:14',
  ROOT,
] as const;

/** Values of a 3-D T1w of a Siemens-like scanner, one slice. */
const SLICE: Natural = {
  SOPClassUID: SOP.mr,
  Modality: 'MR',
  Manufacturer: 'ACME',
  ManufacturerModelName: 'Imager 3000',
  SoftwareVersions: 'v7',
  ImageType: ['ORIGINAL', 'PRIMARY', 'M', 'ND'],
  SeriesDescription: 't1 mprage sag DOE JANE',
  ProtocolName: 't1 mprage',
  SequenceName: '*tfl3d1',
  ScanningSequence: 'GR',
  SequenceVariant: 'SP',
  ScanOptions: 'FS',
  MRAcquisitionType: '3D',
  MagneticFieldStrength: '3',
  EchoTime: '2.5',
  RepetitionTime: '1900',
  InversionTime: '900',
  FlipAngle: '9',
  SliceThickness: '1',
  EchoTrainLength: '1',
  BodyPartExamined: 'HEAD',
  PatientPosition: 'HFS',
  SeriesNumber: '3',
  AcquisitionNumber: '1',
  EchoNumbers: '1',
  ImageOrientationPatient: ['1', '0', '0', '0', '1', '0'],
  PixelSpacing: ['1', '1'],
  SamplesPerPixel: 1,
  PhotometricInterpretation: 'MONOCHROME2',
  Rows: 12,
  Columns: 16,
  BitsAllocated: 16,
  BitsStored: 12,
  HighBit: 11,
  PixelRepresentation: 0,
};

export interface MadeSeries {
  readonly slices?: number;
  /** Elements of all slices, over those of JANE and a T1w; undefined takes one out. */
  readonly values?: Natural;
  /** Elements of one slice by its index from 0. */
  readonly each?: (index: number) => Natural;
  readonly syntax?: string;
  /** Of private elements: tag and text. */
  readonly privates?: Readonly<Record<string, string>>;
}

/** A series whose slices differ. */
export const each = (change: (index: number) => Natural): MadeSeries => ({ each: change });

/** The files of a series, in the order of its slices. */
export function madeSeries({
  slices = 6,
  values = {},
  each = () => ({}),
  syntax = SYNTAX.explicit,
  privates = {},
}: MadeSeries = {}): Uint8Array[] {
  return Array.from({ length: slices }, (_, index) => {
    const series = String(values.SeriesNumber ?? SLICE.SeriesNumber);
    const natural: Record<string, unknown> = {
      ...SLICE,
      ...JANE,
      SeriesInstanceUID: `${ROOT}.2.${series}`,
      SOPInstanceUID: `${ROOT}.3.${series}.${index + 1}`,
      InstanceNumber: String(index + 1),
      ImagePositionPatient: ['-8', '-6', String(index)],
      ...values,
      ...each(index),
    };
    const { Rows: rows = 1, Columns: columns = 1 } = natural as { Rows?: number; Columns?: number };
    if (!('PixelData' in natural)) natural.PixelData = pixelsOf({ rows, columns, index });
    // dcmjs writes the bytes as they are given.
    if (syntax === SYNTAX.big && natural.PixelData instanceof ArrayBuffer)
      Buffer.from(natural.PixelData).swap16();
    for (const [name, value] of Object.entries(natural)) if (value === undefined) delete natural[name];
    return encoded(natural, { syntax, privates });
  });
}

function pixelsOf({ rows, columns, index }: { rows: number; columns: number; index: number }): ArrayBuffer {
  const pixels = Uint16Array.from({ length: rows * columns }, (_, at) => (index * 37 + at * 11) % 4096);
  return pixels.buffer;
}

/** One file from elements by their names. */
export function encoded(
  natural: Natural,
  {
    syntax = SYNTAX.explicit,
    privates = {},
  }: { syntax?: string; privates?: Readonly<Record<string, string>> } = {},
): Uint8Array {
  const dict = new data.DicomDict({
    '00020001': { vr: 'OB', Value: [new Uint8Array([0, 1]).buffer] },
    '00020002': { vr: 'UI', Value: [natural.SOPClassUID] },
    '00020003': { vr: 'UI', Value: [natural.SOPInstanceUID] },
    '00020010': { vr: 'UI', Value: [syntax] },
    '00020012': { vr: 'UI', Value: [`${ROOT}.9`] },
  });
  const own = Object.entries(privates).map(([tag, text]) => [tag, { vr: 'LO', Value: [text] }]);
  dict.dict = {
    ...data.DicomMetaDictionary.denaturalizeDataset({ ...natural, _vrMap: { PixelData: 'OW' } }),
    ...Object.fromEntries(own),
  };
  return new Uint8Array(dict.write({ allowInvalidVRLength: true }));
}

/** Writes files into a folder, named by number with the given beginning and ending. */
export async function writeSeries(
  folder: string,
  files: readonly Uint8Array[],
  name = (index: number) => `IM${index}`,
): Promise<void> {
  for (const [index, bytes] of files.entries()) {
    const path = join(folder, name(index));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
}

/** Without preamble and group 2: as old archives have files. */
export function withoutMeta(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return bytes.subarray(132 + 12 + view.getUint32(132 + 8, true));
}

/** An enhanced image: all slices of a volume are frames of one file. */
export function enhanced(frames: number): Natural {
  const { PixelData: _none, ...rest } = JANE;
  return {
    ...rest,
    SOPClassUID: SOP.enhanced,
    SOPInstanceUID: '1.2.826.0.1.3680043.10.999.3.50',
    SeriesInstanceUID: '1.2.826.0.1.3680043.10.999.2.50',
    SeriesNumber: '50',
    Modality: 'MR',
    Manufacturer: 'ACME',
    SeriesDescription: 'enhanced',
    ImageType: ['ORIGINAL', 'PRIMARY', 'VOLUME', 'NONE'],
    NumberOfFrames: String(frames),
    Rows: 12,
    Columns: 16,
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    BitsAllocated: 16,
    BitsStored: 12,
    HighBit: 11,
    PixelRepresentation: 0,
    SharedFunctionalGroupsSequence: [
      {
        PixelMeasuresSequence: [{ PixelSpacing: ['1', '1'], SliceThickness: '2' }],
        PlaneOrientationSequence: [{ ImageOrientationPatient: ['1', '0', '0', '0', '1', '0'] }],
      },
    ],
    PerFrameFunctionalGroupsSequence: Array.from({ length: frames }, (_, index) => ({
      FrameContentSequence: [
        { InStackPositionNumber: index + 1, StackID: '1', DimensionIndexValues: [1, index + 1] },
      ],
      PlanePositionSequence: [{ ImagePositionPatient: ['0', '0', String(2 * index)] }],
    })),
    PixelData: Uint16Array.from({ length: frames * 192 }, (_, at) => at % 4000).buffer,
  };
}

import { geometryOf, inGroups, mosaicSlices } from './facts.ts';
import type { DicomElements, DicomHeader } from './header.ts';

/** What a rule of a map can ask for: BIDS's names of sidecar keys, in BIDS's units (seconds, tesla, degrees, mm). */
export type SeriesValues = Readonly<Record<ValueName, readonly (string | number)[]>>;

type Read = (header: DicomHeader) => readonly (string | number)[];

const text =
  (tag: string): Read =>
  (header) =>
    header.texts(tag).filter((value) => value !== '');
/** `scale`: from the unit of DICOM to that of BIDS. */
const number =
  (tag: string, scale = 1): Read =>
  (header) =>
    header.numbers(tag).map((value) => Number((value * scale).toPrecision(12)));
const grouped =
  (
    group: string,
    tag: string,
    read: (tag: string) => (elements: DicomElements) => readonly (string | number)[],
  ): Read =>
  (header) =>
    inGroups(header, group, read(tag)) ?? [];
const seconds = (tag: string) => (elements: DicomElements) =>
  elements.numbers(tag).map((value) => Number((value / 1000).toPrecision(12)));
const plain = (tag: string) => (elements: DicomElements) => elements.numbers(tag);

const READERS = {
  Modality: text('0008,0060'),
  SeriesDescription: text('0008,103e'),
  ProtocolName: text('0018,1030'),
  StudyDescription: text('0008,1030'),
  SequenceName: text('0018,0024'),
  PulseSequenceName: text('0018,9005'),
  ScanningSequence: text('0018,0020'),
  SequenceVariant: text('0018,0021'),
  ScanOptions: text('0018,0022'),
  ImageType: text('0008,0008'),
  MRAcquisitionType: text('0018,0023'),
  Manufacturer: text('0008,0070'),
  ManufacturersModelName: text('0008,1090'),
  BodyPartExamined: text('0018,0015'),
  PatientPosition: text('0018,5100'),
  ContrastBolusAgent: text('0018,0010'),
  SeriesNumber: number('0020,0011'),
  MagneticFieldStrength: number('0018,0087'),
  EchoTime: (header) =>
    either(grouped('0018,9114', '0018,9082', seconds)(header), number('0018,0081', 0.001)(header)),
  RepetitionTime: grouped('0018,9112', '0018,0080', seconds),
  InversionTime: number('0018,0082', 0.001),
  FlipAngle: grouped('0018,9112', '0018,1314', plain),
  EchoTrainLength: number('0018,0091'),
  SliceThickness: grouped('0028,9110', '0018,0050', plain),
  Rows: (header) => [matrixOf(header)[1]],
  Columns: (header) => [matrixOf(header)[0]],
} satisfies Record<string, Read>;

export type ValueName = keyof typeof READERS;
export const VALUE_NAMES = Object.keys(READERS) as ValueName[];

export function valuesOf(header: DicomHeader): SeriesValues {
  const values = VALUE_NAMES.map((name) => [name, READERS[name](header)] as const);
  return Object.fromEntries(values) as SeriesValues;
}

/** Columns and rows of one slice, of a mosaic too. */
export function matrixOf(header: DicomHeader): [number, number] {
  const { rows, columns } = geometryOf(header);
  const slices = mosaicSlices(header);
  const tiles = slices === undefined ? 1 : Math.max(1, Math.ceil(Math.sqrt(slices)));
  return [Math.floor(columns / tiles), Math.floor(rows / tiles)];
}

function either(first: readonly (string | number)[], second: readonly (string | number)[]) {
  return first.length > 0 ? first : second;
}

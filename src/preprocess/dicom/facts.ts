import type { DicomElements, DicomHeader } from './header.ts';
import { readsFrames } from './syntaxes.ts';

type Triple = readonly [number, number, number];

/** What is kept of a file while a folder is looked at: a few numbers, and texts that all files of a series share. */
export interface FileFacts {
  readonly path: string;
  readonly size: number;
  readonly sopUid: string;
  readonly instance: number | undefined;
  /** Where its slices lie along their common normal, in mm; one number a frame, none for a mosaic and where it is not said. */
  readonly places: readonly number[];
  /** What all slices of one volume have in common: matrix, spacing, orientation. */
  readonly geometry: string;
  /** What tells volumes of one series apart that lie in the same place: echo, time, kind of image. */
  readonly volume: string;
  readonly faults: readonly FileFault[];
}

/** What makes a file no slice of an MR volume; each is explained in `problems.ts`. */
export type FileFault =
  | 'no_pixels'
  | 'pixels_short'
  | 'no_spacing'
  | 'no_position'
  | 'colour'
  | 'compressed_frames'
  | 'burnt_in'
  | 'secondary_capture'
  | 'not_an_image';

export const MR_IMAGES = new Set([
  '1.2.840.10008.5.1.4.1.1.4',
  '1.2.840.10008.5.1.4.1.1.4.1',
  '1.2.840.10008.5.1.4.1.1.4.4',
]);
const SECONDARY_CAPTURE = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.7(\.|$)/;
/** Classes whose objects are pictures at all; others (reports, PDF, raw data, spectra, segmentations) are not. */
const PICTURES =
  /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.(1(\.\d+)*|2(\.\d+)*|3(\.\d+)*|4|4\.1|4\.3|4\.4|6(\.\d+)*|7(\.\d+)*|12(\.\d+)*|20|77(\.\d+)*|128|130|481\.1)$/;

/** The facts of one file. @param path of the file, kept as it is */
export function factsOf(header: DicomHeader, { path, size }: { path: string; size: number }): FileFacts {
  const geometry = geometryOf(header);
  return {
    path,
    size,
    sopUid: header.text('0008,0018') ?? '',
    instance: header.number('0020,0013'),
    places: placesOf(header, geometry.orientation),
    geometry: textOf(geometry),
    volume: volumeOf(header),
    faults: faultsOf(header, { size, geometry }),
  };
}

export interface Geometry {
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  /** Between rows and between columns, in mm. */
  readonly spacing: readonly [number, number] | undefined;
  /** Direction of the rows, then of the columns. */
  readonly orientation: readonly number[] | undefined;
}

export function geometryOf(header: DicomHeader): Geometry {
  const [rowSpacing, columnSpacing] =
    inGroups(header, '0028,9110', (measures) => measures.numbers('0028,0030')) ?? [];
  const orientation = inGroups(header, '0020,9116', (plane) => plane.numbers('0020,0037'));
  return {
    rows: header.number('0028,0010') ?? 0,
    columns: header.number('0028,0011') ?? 0,
    frames: Math.max(1, header.number('0028,0008') ?? 1),
    spacing:
      rowSpacing !== undefined && columnSpacing !== undefined && rowSpacing > 0 && columnSpacing > 0
        ? [rowSpacing, columnSpacing]
        : undefined,
    orientation: orientation?.length === 6 ? orientation : undefined,
  };
}

/** Slices of a Siemens mosaic; undefined for other images. */
export function mosaicSlices(header: DicomElements): number | undefined {
  const isMosaic = header.texts('0008,0008').some((word) => word.toUpperCase() === 'MOSAIC');
  return isMosaic ? (header.number('0019,100a') ?? 1) : undefined;
}

/**
 * A value that stands in the header itself or, in an enhanced image, in the sequence `group` of the shared functional groups or of those of the
 * first frame (PS3.3, C.7.6.16).
 */
export function inGroups<Value>(
  header: DicomElements,
  group: string,
  read: (elements: DicomElements) => Value,
): Value | undefined {
  const shared = header.items('5200,9229')[0]?.items(group)[0];
  const first = header.items('5200,9230')[0]?.items(group)[0];
  for (const elements of [header, shared, first]) {
    const value = elements && read(elements);
    if (value !== undefined && !(Array.isArray(value) && value.length === 0)) return value;
  }
  return undefined;
}

function placesOf(header: DicomHeader, orientation: readonly number[] | undefined): number[] {
  if (!orientation || mosaicSlices(header) !== undefined) return [];
  const normal = normalOf(orientation);
  const frames = header.items('5200,9230');
  const positions =
    frames.length > 0
      ? frames.map((frame) => frame.items('0020,9113')[0]?.numbers('0020,0032'))
      : [header.numbers('0020,0032')];
  return positions.flatMap((position) => {
    const [x, y, z] = position ?? [];
    if (x === undefined || y === undefined || z === undefined) return [];
    return [x * normal[0] + y * normal[1] + z * normal[2]];
  });
}

function normalOf(orientation: readonly number[]): Triple {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = orientation;
  return [b * f - c * e, c * d - a * f, a * e - b * d];
}

/** Orientations of one volume differ by rounding; those of localisers by degrees. */
function textOf({ rows, columns, spacing, orientation }: Geometry): string {
  const rounded = (values: readonly number[] | undefined, digits: number) =>
    (values ?? []).map((value) => (Math.round(value * 10 ** digits) / 10 ** digits + 0).toString()).join(' ');
  return `${columns} x ${rows}, ${rounded(spacing, 3)}, ${rounded(orientation, 2)}`;
}

function volumeOf(header: DicomHeader): string {
  const tags = ['0018,0086', '0018,0081', '0020,0012', '0020,0100', '0018,1060', '0018,9087', '0020,9057'];
  return [...tags.map((tag) => header.text(tag) ?? ''), header.texts('0008,0008').slice(2).join(' ')].join(
    '|',
  );
}

function faultsOf(
  header: DicomHeader,
  { size, geometry }: { size: number; geometry: Geometry },
): FileFault[] {
  const sopClass = header.text('0008,0016') ?? header.text('0002,0002') ?? '';
  if (sopClass !== '' && !PICTURES.test(sopClass)) return ['not_an_image'];
  const isCapture = SECONDARY_CAPTURE.test(sopClass) || header.has('0008,0064');
  const isMr = MR_IMAGES.has(sopClass);
  const found: [FileFault, boolean][] = [
    ['secondary_capture', isCapture],
    ['burnt_in', header.text('0028,0301')?.toUpperCase() === 'YES'],
    ['no_pixels', !header.pixels || geometry.rows === 0 || geometry.columns === 0],
    ['pixels_short', isShort(header, size, geometry)],
    ['colour', (header.number('0028,0002') ?? 1) > 1],
    ['compressed_frames', geometry.frames > 1 && !readsFrames(header.syntax)],
    ['no_spacing', isMr && geometry.spacing === undefined],
    ['no_position', isMr && !hasPosition(header, geometry)],
  ];
  return found.flatMap(([fault, is]) => (is ? [fault] : []));
}

function hasPosition(header: DicomHeader, geometry: Geometry): boolean {
  if (geometry.orientation === undefined) return false;
  const frames = header.items('5200,9230');
  if (frames.length > 0) return placesOf(header, geometry.orientation).length === frames.length;
  return header.numbers('0020,0032').length === 3;
}

/** The file ends before its pixels do. */
function isShort(header: DicomHeader, size: number, { rows, columns, frames }: Geometry): boolean {
  const { pixels } = header;
  if (!pixels) return false;
  if (pixels.length === undefined) return pixels.offset + 8 > size;
  const wanted =
    rows *
    columns *
    frames *
    (header.number('0028,0002') ?? 1) *
    Math.ceil((header.number('0028,0100') ?? 16) / 8);
  return pixels.offset + pixels.length > size || pixels.length < wanted;
}

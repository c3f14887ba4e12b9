import { flError } from '../../runtime/base/errors/errors.ts';
import { keyAndValue } from '../../runtime/base/text/key-and-value.ts';
import { type Axis, affineFromColumns, type Vector } from '../nifti/affine.ts';
import { DATATYPES } from '../nifti/datatype.ts';
import { headerLines, numbersOf } from './header-text.ts';
import { checkAffine, checkSizes, headerFault, type StoredVolume } from './stored-volume.ts';

/** Types by NIfTI's codes; MET_LONG has as many bytes as the machine that wrote it thought right. */
const TYPES: ReadonlyMap<string, number> = new Map([
  ['MET_UCHAR', 2],
  ['MET_CHAR', 256],
  ['MET_SHORT', 4],
  ['MET_USHORT', 512],
  ['MET_INT', 8],
  ['MET_UINT', 768],
  ['MET_LONG_LONG', 1024],
  ['MET_ULONG_LONG', 1280],
  ['MET_FLOAT', 16],
  ['MET_DOUBLE', 64],
]);

/** A header with where its voxels are: `dataFile` is undefined for the rest of the same file. */
export interface DetachedVolume extends StoredVolume {
  readonly dataFile: string | undefined;
  /** Where the voxels begin in their file; -1: they are its end. */
  readonly dataStart: number;
}

/**
 * The header of a MetaImage, .mha or .mhd (https://itk.org/Wiki/ITK/MetaIO/Documentation). Directions are those of ITK: x to the left, y to the back.
 * @throws NF_VOLUME_*
 */
export function parseMetaImage(bytes: Uint8Array, file: string): DetachedVolume {
  const { lines, end } = headerLines(bytes, (line) => /^\s*ElementDataFile\s*=/.test(line), {
    file,
    mayEnd: true,
  });
  const fields = new Map<string, string>();
  for (const line of lines) {
    const pair = keyAndValue(line, '=');
    if (!pair || !/^[A-Za-z]+$/.test(pair.key)) throw headerFault(file, 'a line that is no `Key = Value`');
    fields.set(pair.key, pair.value);
  }
  const field = (...names: string[]) =>
    names.map((name) => fields.get(name)).find((value) => value !== undefined);
  const isTrue = (...names: string[]) => /^(true|1)$/i.test(field(...names) ?? '');
  const unsupported = (what: string) => flError('NF_VOLUME_UNSUPPORTED', { file, what }, { place: { file } });
  const type = DATATYPES.get(TYPES.get(field('ElementType') ?? '') ?? -1);
  if (!type) throw unsupported(`voxels of the type ${shown(field('ElementType'))}`);
  if ((field('ElementNumberOfChannels') ?? '1') !== '1') throw unsupported('several channels a voxel');
  if (field('BinaryData') !== undefined && !isTrue('BinaryData')) throw unsupported('voxels as text');
  const sizes = numbersOf(field('DimSize') ?? '');
  const axes = Number(field('NDims'));
  if (axes !== sizes.length)
    throw headerFault(file, `${sizes.length} sizes for ${shown(field('NDims'))} axes`);
  const shape = checkSizes(sizes, file);
  const packing = isTrue('CompressedData') ? 'zlib' : 'none';
  const spacing = numbersOf(field('ElementSpacing', 'ElementSize') ?? '1 1 1');
  const matrix = numbersOf(field('TransformMatrix', 'Orientation', 'Rotation') ?? identity(axes));
  const origin = numbersOf(field('Offset', 'Origin', 'Position') ?? '0 0 0');
  const column = (axis: Axis): Vector => {
    const part = (world: Axis) => (matrix[axis * axes + world] ?? Number.NaN) * (spacing[axis] ?? Number.NaN);
    return [-part(0), -part(1), part(2)];
  };
  const first: Vector = [-(origin[0] ?? Number.NaN), -(origin[1] ?? Number.NaN), origin[2] ?? Number.NaN];
  const affine = checkAffine(affineFromColumns([column(0), column(1), column(2)], first), file);
  const littleEndian = !isTrue('BinaryDataByteOrderMSB', 'ElementByteOrderMSB');
  const stored: StoredVolume = { shape, type, littleEndian, packing, affine, skip: 0, hasTail: false };
  return { ...stored, ...placeOf({ field, end, file, isPacked: packing === 'zlib' }) };
}

function placeOf(what: {
  field: (...names: string[]) => string | undefined;
  end: number;
  file: string;
  isPacked: boolean;
}): Pick<DetachedVolume, 'dataFile' | 'dataStart'> {
  const { field, end, file, isPacked } = what;
  const name = field('ElementDataFile');
  if (name === undefined || name === '') throw headerFault(file, 'no ElementDataFile');
  if (/^LIST\b/i.test(name) || name.includes('%')) {
    throw flError('NF_VOLUME_UNSUPPORTED', { file, what: 'voxels in a list of files' }, { place: { file } });
  }
  const skip = Number(field('HeaderSize') ?? '0');
  if (!Number.isInteger(skip) || skip < -1 || (skip === -1 && isPacked))
    throw headerFault(file, `a HeaderSize of ${shown(field('HeaderSize'))}`);
  if (name.toUpperCase() === 'LOCAL') return { dataFile: undefined, dataStart: end };
  return { dataFile: name, dataStart: skip };
}

function identity(axes: number): string {
  return Array.from({ length: axes * axes }, (_, at) => (at % (axes + 1) === 0 ? 1 : 0)).join(' ');
}

function shown(text: string | undefined): string {
  return JSON.stringify((text ?? '').slice(0, 40));
}

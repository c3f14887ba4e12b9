import { flError } from '../../runtime/base/errors/errors.ts';
import { affineFromColumns, type Vector } from '../nifti/affine.ts';
import { DATATYPES } from '../nifti/datatype.ts';
import { headerLines, numbersOf } from './header-text.ts';
import type { DetachedVolume } from './metaimage.ts';
import { checkAffine, checkSizes, headerFault } from './stored-volume.ts';

/** Names of types by NIfTI's codes. */
const TYPES: ReadonlyMap<string, number> = new Map(
  (
    [
      [256, 'signed char|int8|int8_t'],
      [2, 'uchar|unsigned char|uint8|uint8_t'],
      [4, 'short|short int|signed short|signed short int|int16|int16_t'],
      [512, 'ushort|unsigned short|unsigned short int|uint16|uint16_t'],
      [8, 'int|signed int|int32|int32_t'],
      [768, 'uint|unsigned int|uint32|uint32_t'],
      [1024, 'longlong|long long|long long int|signed long long|signed long long int|int64|int64_t'],
      [1280, 'ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t'],
      [16, 'float'],
      [64, 'double'],
    ] as const
  ).flatMap(([code, names]) => names.split('|').map((name) => [name, code] as const)),
);

/** Where x and y grow to in each space; z grows upwards in all. */
const SPACES: ReadonlyMap<string, readonly [1 | -1, 1 | -1]> = new Map([
  ['right-anterior-superior', [1, 1]],
  ['ras', [1, 1]],
  ['left-anterior-superior', [-1, 1]],
  ['las', [-1, 1]],
  ['left-posterior-superior', [-1, -1]],
  ['lps', [-1, -1]],
]);

const PACKINGS = { raw: 'none', gzip: 'gzip', gz: 'gzip' } as const;

/**
 * The header of a NRRD file, .nrrd or .nhdr (https://teem.sourceforge.net/nrrd/format.html).
 * @throws NF_VOLUME_*
 */
export function parseNrrd(bytes: Uint8Array, file: string): DetachedVolume {
  const { lines, end } = headerLines(bytes, (line) => line === '', { file, mayEnd: true });
  if (!/^NRRD000[1-5]$/.test(lines[0] ?? '')) throw headerFault(file, 'no NRRD000x in its first line');
  const fields = fieldsOf(lines.slice(1), file);
  const unsupported = (what: string) => flError('NF_VOLUME_UNSUPPORTED', { file, what }, { place: { file } });
  const type = DATATYPES.get(TYPES.get(fields.get('type') ?? '') ?? -1);
  if (!type) throw unsupported(`voxels of the type ${shown(fields.get('type'))}`);
  const encoding = (fields.get('encoding') ?? '').toLowerCase();
  if (!isPacking(encoding)) throw unsupported(`voxels in the encoding ${shown(encoding)}`);
  const sizes = numbersOf(fields.get('sizes') ?? '');
  if (Number(fields.get('dimension')) !== sizes.length) {
    throw headerFault(file, `${sizes.length} sizes for ${shown(fields.get('dimension'))} axes`);
  }
  const { order, directions } = axesOf(fields, sizes, file);
  const shape = checkSizes(
    order.map((axis) => sizes[axis] ?? Number.NaN),
    file,
  );
  const endian = fields.get('endian');
  if (type.size > 1 && endian !== 'little' && endian !== 'big') throw headerFault(file, 'no byte order');
  const lineSkip = Number(fields.get('lineskip') ?? 0);
  const dataStart = Number(fields.get('byteskip') ?? 0);
  if (lineSkip !== 0) throw unsupported('voxels behind lines of text');
  const packing = PACKINGS[encoding];
  if (!Number.isInteger(dataStart) || dataStart < -1 || (packing !== 'none' && dataStart !== 0)) {
    throw headerFault(file, `a byte skip of ${shown(fields.get('byteskip'))}`);
  }
  const dataFile = fields.get('datafile');
  if (dataFile !== undefined && (/^LIST\b/.test(dataFile) || /%|\s\d+\s/.test(dataFile))) {
    throw unsupported('voxels in a list of files');
  }
  const place =
    dataFile === undefined
      ? { dataFile, dataStart: dataStart === -1 ? -1 : end + dataStart }
      : { dataFile, dataStart };
  const affine = affineOf({ fields, directions, file });
  return { shape, type, littleEndian: endian !== 'big', packing, affine, skip: 0, hasTail: false, ...place };
}

function isPacking(name: string): name is keyof typeof PACKINGS {
  return Object.hasOwn(PACKINGS, name);
}

/** `field: value`; keys `key:=value` and comments are for people. Names are compared without blanks. */
function fieldsOf(lines: readonly string[], file: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of lines) {
    if (line === '' || line.startsWith('#') || /^[^:]*:=/.test(line)) continue;
    const match = /^([^:]+): ?(.*)$/.exec(line);
    if (!match) throw headerFault(file, 'a line that is no `field: value`');
    fields.set((match[1] ?? '').toLowerCase().replace(/\s/g, ''), (match[2] ?? '').trim());
  }
  return fields;
}

/** The axes of space, which come before those of one element without a direction, and the vectors along them. */
function axesOf(fields: ReadonlyMap<string, string>, sizes: readonly number[], file: string) {
  const text = fields.get('spacedirections');
  if (text === undefined || !SPACES.has((fields.get('space') ?? '').toLowerCase())) {
    throw flError('NF_VOLUME_ORIENTATION', { file }, { place: { file } });
  }
  const found = text.match(/none|\([^()]*\)/g) ?? [];
  if (found.length !== sizes.length)
    throw headerFault(file, `${found.length} directions for ${sizes.length} axes`);
  const order = [...found.keys()].sort(
    (a, b) => Number(found[a] === 'none') - Number(found[b] === 'none') || a - b,
  );
  const directions = found.filter((vector) => vector !== 'none').map(vectorOf);
  if (directions.length !== 3) throw headerFault(file, `${directions.length} directions, where space has 3`);
  return { order, directions };
}

function affineOf(what: {
  fields: ReadonlyMap<string, string>;
  directions: readonly Vector[];
  file: string;
}) {
  const { fields, directions, file } = what;
  const units = fields.get('spaceunits') ?? '';
  if (units !== '' && !/^("mm"\s*)+$/.test(units))
    throw headerFault(file, `lengths in ${shown(units)}, not in "mm"`);
  const [x, y] = SPACES.get((fields.get('space') ?? '').toLowerCase()) ?? [1, 1];
  const toRas = (v: Vector): Vector => [v[0] * x, v[1] * y, v[2]];
  const [a, b, c] = directions.map(toRas) as [Vector, Vector, Vector];
  const origin = fields.get('spaceorigin');
  const first = origin === undefined ? ([0, 0, 0] as const) : toRas(vectorOf(origin));
  return checkAffine(affineFromColumns([a, b, c], first), file);
}

function vectorOf(text: string): Vector {
  const [x = Number.NaN, y = Number.NaN, z = Number.NaN] = numbersOf(text.replace(/[()]/g, ' '));
  return [x, y, z];
}

function shown(text: string | undefined): string {
  return JSON.stringify((text ?? '').slice(0, 40));
}

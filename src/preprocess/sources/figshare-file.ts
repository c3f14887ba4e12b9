import { Dataset, File, Group, ready } from 'h5wasm';
import { flError } from '../../runtime/base/errors/errors.ts';
import { readInput } from '../../runtime/base/files/read-file.ts';

/** What a file says of its slice. */
export interface FigshareFacts {
  /** 1 meningioma, 2 glioma, 3 pituitary tumour. */
  readonly label: 1 | 2 | 3;
  readonly patient: string;
}

/** One slice, row by row from the top left. */
export interface FigshareSlice extends FigshareFacts {
  readonly width: number;
  readonly height: number;
  readonly pixels: Float32Array;
  readonly mask: Float32Array;
}

/** A file of the set has at most 1 MB. */
const MOST_BYTES = 2 ** 26;
const LONGEST_SIDE = 4096;
const SHORTEST_SIDE = 16;
/** Where the library keeps the one file that is open: in memory, so that nothing in it leads to files of this machine. */
const PLACE = '/slice.mat';
/** H5T_INTEGER and H5T_FLOAT. */
const NUMBERS = [0, 1];

/** @throws NF_FIGSHARE for what is no file of the set, the system's error for what cannot be read */
export async function readFigshareFacts(path: string): Promise<FigshareFacts> {
  return withStruct(path, (struct) => factsOf(struct, path));
}

/** As `readFigshareFacts`, with image and mask. */
export async function readFigshareSlice(path: string): Promise<FigshareSlice> {
  return withStruct(path, (struct) => {
    const [image, mask] = [plane(struct, 'image', path), plane(struct, 'tumorMask', path)];
    if (image.width !== mask.width || image.height !== mask.height) {
      throw fault(
        path,
        `a mask of ${mask.width} x ${mask.height} for an image of ${image.width} x ${image.height}`,
      );
    }
    const { width, height, pixels } = image;
    return { ...factsOf(struct, path), width, height, pixels, mask: mask.pixels };
  });
}

async function withStruct<Value>(path: string, work: (struct: Group) => Value): Promise<Value> {
  const bytes = await readInput(path, MOST_BYTES);
  checkKind(bytes, path);
  const { FS, activate_throwing_error_handler: throwErrors } = await ready;
  throwErrors();
  FS.writeFile(PLACE, bytes);
  let file: File | undefined;
  try {
    file = new File(PLACE, 'r');
    const struct = file.keys().includes('cjdata') ? file.get('cjdata') : null;
    if (!(struct instanceof Group)) throw fault(path, 'no structure cjdata');
    return work(struct);
  } catch (thrown) {
    // What the library says names parts of the file only.
    throw isOwn(thrown) ? thrown : fault(path, 'HDF5 that is damaged', thrown);
  } finally {
    file?.close();
    FS.unlink(PLACE);
  }
}

function isOwn(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'NF_FIGSHARE';
}

const SIGNATURE = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');

/** MATLAB writes 512 bytes of its own before what HDF5 begins with. */
function checkKind(bytes: Buffer, path: string): void {
  const begins = [0, 512].some((at) => bytes.subarray(at, at + 8).equals(SIGNATURE));
  if (begins) return;
  const isOld = bytes.subarray(0, 10).toString('latin1') === 'MATLAB 5.0';
  throw fault(path, isOld ? 'MATLAB data of version 5, not 7.3' : 'no MATLAB 7.3 data, which are HDF5');
}

function factsOf(struct: Group, path: string): FigshareFacts {
  const label = Number(valuesOf(struct, 'label', path)[0]);
  if (label !== 1 && label !== 2 && label !== 3) throw fault(path, 'a label that is none of 1, 2 and 3');
  const values = Array.from(valuesOf(struct, 'PID', path), Number);
  // Text is kept as numbers of characters, a number as itself.
  const { MATLAB_class: kind } = numbersAt(struct, 'PID', path).attrs;
  const isText = kind?.value === 'char' || values.length > 1;
  const patient = isText ? String.fromCharCode(...values).trim() : String(values[0] ?? '');
  if (patient === '') throw fault(path, 'no patient');
  return { label, patient };
}

/** A small array of numbers. */
function valuesOf(struct: Group, name: string, path: string): ArrayLike<number | bigint> {
  const data = numbersAt(struct, name, path);
  const count = (data.shape ?? []).reduce((product, size) => product * size, 1);
  if (count < 1 || count > 64) throw fault(path, `${count} values in cjdata.${name}`);
  return read(data, `cjdata.${name}`, path);
}

/** MATLAB keeps the first index, the row, fastest, and HDF5 names it last. */
function plane(
  struct: Group,
  name: string,
  path: string,
): { width: number; height: number; pixels: Float32Array } {
  const data = numbersAt(struct, name, path);
  const [width = 0, height = 0, ...more] = data.shape ?? [];
  const fits = [width, height].every((side) => side >= SHORTEST_SIDE && side <= LONGEST_SIDE);
  if (more.length > 0 || !fits)
    throw fault(path, `${(data.shape ?? []).join(' x ')} values in cjdata.${name}`);
  const values = read(data, `cjdata.${name}`, path);
  const pixels = new Float32Array(width * height);
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      const value = Math.fround(Number(values[x * height + y]));
      if (value - value !== 0) throw fault(path, `values in cjdata.${name} that are NaN or infinite`);
      pixels[x + width * y] = value;
    }
  }
  return { width, height, pixels };
}

function numbersAt(struct: Group, name: string, path: string): Dataset {
  const data = struct.keys().includes(name) ? struct.get(name) : null;
  if (!(data instanceof Dataset)) throw fault(path, `no cjdata.${name}`);
  const { type, size } = data.metadata;
  if (!NUMBERS.includes(type) || size > 8) throw fault(path, `no numbers in cjdata.${name}`);
  return data;
}

function read(data: Dataset, name: string, path: string): ArrayLike<number | bigint> {
  const { value } = data;
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return value as ArrayLike<number | bigint>;
  if (typeof value === 'number') return [value];
  throw fault(path, `no numbers in ${name}`);
}

function fault(path: string, what: string, cause?: unknown) {
  return flError('NF_FIGSHARE', { file: path, what }, { place: { file: path }, cause });
}

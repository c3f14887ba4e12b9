import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { centredAffine } from '../../src/preprocess/nifti/affine.ts';
import { encodeNifti } from '../../src/preprocess/nifti/write.ts';
import { createRandom } from '../../src/runtime/base/random.ts';

const SHAPE = [20, 24, 8] as const;
const VOXELS = SHAPE[0] * SHAPE[1] * SHAPE[2];

export interface MadeImage {
  readonly seed: number;
  /** Of the inner of the head: what a class can be told by. */
  readonly bright?: boolean;
  /** Volumes of a series; the n-th is n + 1 times as bright as the first. Default: one volume of three dimensions. */
  readonly volumes?: number;
  /** The first voxel is NaN. */
  readonly nan?: boolean;
}

/** A head as far as windows and masks go: an ellipsoid of noise on black. */
export function headImage({ seed, bright = false, volumes, nan = false }: MadeImage): Uint8Array {
  const random = createRandom('bids-tree', seed);
  const one = Float32Array.from({ length: VOXELS }, (_, at) => {
    const [x, y, z] = [at % 20, Math.floor(at / 20) % 24, Math.floor(at / 480)];
    const distance = ((x - 9.5) / 8) ** 2 + ((y - 11.5) / 10) ** 2 + ((z - 3.5) / 5) ** 2;
    if (distance > 1) return 0;
    return 100 + 40 * random.next() + (bright && distance < 0.2 ? 150 : 0);
  });
  if (nan) one[0] = Number.NaN;
  const times = volumes ?? 1;
  const data = Float32Array.from({ length: VOXELS * times }, (_, at) => {
    return (one[at % VOXELS] ?? 0) * (1 + Math.floor(at / VOXELS));
  });
  const shape = [SHAPE[0], SHAPE[1], SHAPE[2] * times] as const;
  const bytes = encodeNifti({ shape, data, affine: centredAffine([...SHAPE], [3, 3, 6]) });
  if (volumes !== undefined) {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    for (const [at, size] of [4, ...SHAPE, volumes].entries()) view.setInt16(40 + 2 * at, size, true);
  }
  return bytes;
}

/** A tree of BIDS: tables and sidecars as texts, images by what they show. */
export async function makeTree(
  root: string,
  files: Readonly<Record<string, string | MadeImage>>,
): Promise<string> {
  const description = '{"Name": "made", "BIDSVersion": "1.11.1"}';
  for (const [name, content] of Object.entries({ 'dataset_description.json': description, ...files })) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    const bytes = typeof content === 'string' ? content : packed(name, headImage(content));
    await writeFile(join(root, name), bytes);
  }
  return root;
}

function packed(name: string, bytes: Uint8Array): Uint8Array {
  return name.endsWith('.gz') ? gzipSync(bytes, { level: 1 }) : bytes;
}

/** The image as git-annex keeps it: a link to an object in .git of the data set. */
export async function annexImage(root: string, name: string, image: MadeImage): Promise<void> {
  const object = join(root, '.git/annex/objects', `MD5E-${name.replaceAll('/', '-')}`);
  await mkdir(dirname(object), { recursive: true });
  await mkdir(dirname(join(root, name)), { recursive: true });
  await writeFile(object, packed(name, headImage(image)));
  await symlink(relative(dirname(join(root, name)), object), join(root, name));
}

/** Rows as a table of BIDS. */
export function tsv(...rows: readonly (readonly string[])[]): string {
  return rows.map((cells) => `${cells.join('\t')}\n`).join('');
}

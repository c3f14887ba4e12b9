import { type Affine, AXES, type Axis, affineFromColumns, column, length, type Vector } from './affine.ts';

/** A volume of any number of axes, of which the first three are space; first axis fastest. */
export interface Volume<Data extends VoxelArray = VoxelArray> {
  readonly shape: readonly number[];
  readonly data: Data;
  readonly affine: Affine;
}

export type VoxelArray = Float32Array | Int16Array | Uint8Array;

/** Where one index of the result comes from. */
interface Source {
  readonly axis: Axis;
  readonly flip: boolean;
}

const ORDERS: readonly (readonly [Axis, Axis, Axis])[] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];
const CODES = ['LR', 'PA', 'IS'] as const;

/**
 * Axis codes of an affine, e.g. `RAS` or `PIR`: the letter of the world direction that each index mostly grows to
 * (left/right, posterior/anterior, inferior/superior). Oblique images get the pairing of axes with the greatest sum of
 * cosines; a tie goes to the order nearest x, y, z.
 */
export function orientationOf(affine: Affine): string {
  const world = worldAxes(affine);
  return AXES.map((axis) => CODES[world[axis]][affine[world[axis]][axis] < 0 ? 0 : 1]).join('');
}

/**
 * The same image with its indices in the order R, A, S: axes are swapped and turned, no voxel value changes, and every
 * voxel keeps its place in the world. An oblique image stays oblique.
 */
export function reorientToRas<Data extends VoxelArray>(volume: Volume<Data>): Volume<Data> {
  return reorient(volume, 'RAS');
}

/** As `reorientToRas`, to any three axis codes. */
export function reorient<Data extends VoxelArray>(volume: Volume<Data>, codes: string): Volume<Data> {
  const from = sources(orientationOf(volume.affine), codes);
  const sizes = ([0, 1, 2] as const).map((axis) => volume.shape[axis] ?? 1);
  const size = (axis: Axis) => sizes[axis] ?? 1;
  const shape = [...from.map(({ axis }) => size(axis)), ...volume.shape.slice(3)];
  const same = from.every(({ axis, flip }, to) => axis === to && !flip);
  const data = volume.data.slice() as Data;
  if (!same) permute(volume.data, data, { from, sizes });
  return { shape, data, affine: movedAffine(volume.affine, from, size) };
}

/** For each index, the world axis it runs along. */
function worldAxes(affine: Affine): readonly [Axis, Axis, Axis] {
  const cosine = (index: Axis, world: Axis) => {
    const direction = column(affine, index);
    return Math.abs(direction[world]) / length(direction);
  };
  let best = ORDERS[0] as readonly [Axis, Axis, Axis];
  let bestSum = Number.NEGATIVE_INFINITY;
  for (const order of ORDERS) {
    const sum = cosine(0, order[0]) + cosine(1, order[1]) + cosine(2, order[2]);
    // The margin keeps a tie at 45 degrees from hanging on the last bit.
    if (sum <= bestSum + 1e-6) continue;
    best = order;
    bestSum = sum;
  }
  return best;
}

function sources(has: string, wants: string): Source[] {
  return [...wants].map((letter) => {
    const pair = CODES.find((codes) => codes.includes(letter)) ?? '';
    const axis = AXES.find((index) => pair.includes(has[index] as string));
    if (axis === undefined) throw new RangeError(`'${wants}' names no orientation`);
    return { axis, flip: has[axis] !== letter };
  });
}

function permute(
  input: VoxelArray,
  output: VoxelArray,
  { from, sizes }: { from: Source[]; sizes: number[] },
): void {
  const strides = [1, sizes[0] ?? 1, (sizes[0] ?? 1) * (sizes[1] ?? 1)];
  const counts = from.map(({ axis }) => sizes[axis] ?? 1) as [number, number, number];
  const steps = from.map(({ axis, flip }) => (strides[axis] ?? 1) * (flip ? -1 : 1)) as [
    number,
    number,
    number,
  ];
  const start = from.reduce(
    (sum, { axis, flip }) => sum + (flip ? ((sizes[axis] ?? 1) - 1) * (strides[axis] ?? 1) : 0),
    0,
  );
  const volume = counts[0] * counts[1] * counts[2];
  let to = 0;
  for (let base = start; to < input.length; base += volume) {
    for (let k = 0; k < counts[2]; k++) {
      for (let j = 0; j < counts[1]; j++) {
        let at = base + k * steps[2] + j * steps[1];
        for (let i = 0; i < counts[0]; i++, at += steps[0]) output[to++] = input[at] as number;
      }
    }
  }
}

function movedAffine(affine: Affine, from: Source[], size: (axis: Axis) => number): Affine {
  const origin = [...column(affine, 3)] as [number, number, number];
  const columns = from.map(({ axis, flip }): Vector => {
    const [x, y, z] = column(affine, axis);
    if (!flip) return [x, y, z];
    const last = size(axis) - 1;
    origin[0] += x * last;
    origin[1] += y * last;
    origin[2] += z * last;
    return [-x, -y, -z];
  }) as [Vector, Vector, Vector];
  return affineFromColumns(columns, origin);
}

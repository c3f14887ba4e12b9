import { describe, expect, it } from 'vitest';
import type { Affine, Vector } from '../../../../src/preprocess/nifti/affine.ts';
import { type Interpolation, resampleTo } from '../../../../src/preprocess/preparation/resample.ts';
import { splineCoefficients } from '../../../../src/preprocess/preparation/spline-coefficients.ts';
import { createRandom } from '../../../../src/runtime/base/random.ts';

const UNIT: Affine = [
  [1, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 1, 0],
  [0, 0, 0, 1],
];

interface Sample {
  readonly shape: Vector;
  readonly data: Float32Array;
  readonly affine: Affine;
}

function randomVolume(...seed: (string | number)[]): Sample {
  const random = createRandom(...seed);
  const shape: Vector = [1 + random.int(7), 1 + random.int(7), 1 + random.int(7)];
  const data = Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, () => random.normal() * 10);
  const [a, b, c] = [0.5 + random.next() * 2, 0.5 + random.next() * 2, 0.5 + random.next() * 2];
  // Turned about z, and left-handed: only the axes' lengths may count.
  const affine: Affine = [
    [-a * 0.8, b * 0.6, 0, 11],
    [a * 0.6, b * 0.8, 0, -7],
    [0, 0, c, 3],
    [0, 0, 0, 1],
  ];
  return { shape, data, affine };
}

const mirrored = (at: number, size: number): number => {
  if (size === 1) return 0;
  if (at < 0) return mirrored(-at, size);
  return at >= size ? mirrored(2 * (size - 1) - at, size) : at;
};
const clamped = (at: number, size: number) => Math.min(size - 1, Math.max(0, at));
/** The cubic B-spline, by its definition. */
const cubic = (x: number) => {
  const far = Math.abs(x);
  if (far >= 2) return 0;
  return far >= 1 ? (2 - far) ** 3 / 6 : 2 / 3 - far ** 2 + far ** 3 / 2;
};
const KERNEL: Record<Interpolation, (x: number) => number> = {
  linear: (x) => Math.max(0, 1 - Math.abs(x)),
  cubic,
  nearest: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0),
};

/** Solves for the coefficients of one line directly (Gauss), where the product computes them by a recursion. */
function solve(line: number[]): number[] {
  const size = line.length;
  const rows = line.map((value, at) => {
    const row = new Array<number>(size + 1).fill(0);
    for (const step of [-1, 0, 1]) {
      const to = mirrored(at + step, size);
      row[to] = (row[to] ?? 0) + cubic(step);
    }
    row[size] = value;
    return row;
  });
  const cell = (row: number, column: number) => rows[row]?.[column] ?? 0;
  for (let pivot = 0; pivot < size; pivot++) {
    for (let row = 0; row < size; row++) {
      if (row === pivot) continue;
      const factor = cell(row, pivot) / cell(pivot, pivot);
      rows[row] = (rows[row] ?? []).map((value, column) => value - factor * cell(pivot, column));
    }
  }
  return rows.map((_, at) => cell(at, size) / cell(at, at));
}

/** Every voxel of the result from every voxel of the source, without parting the axes. */
function slow(volume: Sample, result: Sample, interpolation: Interpolation): number[] {
  const [nx, ny, nz] = volume.shape;
  let data = [...volume.data];
  if (interpolation === 'cubic') {
    for (const [stride, size] of [
      [1, nx],
      [nx, ny],
      [nx * ny, nz],
    ] as const) {
      const next = [...data];
      for (let start = 0; start < data.length; start++) {
        if (Math.floor(start / stride) % size !== 0) continue;
        const line = solve(Array.from({ length: size }, (_, at) => data[start + at * stride] ?? 0));
        for (const [at, value] of line.entries()) next[start + at * stride] = value;
      }
      data = next;
    }
  }
  const inside = interpolation === 'cubic' ? mirrored : clamped;
  const weigh = (place: number, size: number) => {
    const weights = new Array<number>(size).fill(0);
    for (let at = Math.floor(place) - 3; at <= Math.floor(place) + 4; at++) {
      const to = inside(at, size);
      weights[to] = (weights[to] ?? 0) + KERNEL[interpolation](at - place);
    }
    return weights;
  };
  const places = result.shape.map((size, axis) => {
    const before = volume.shape[axis] ?? 1;
    const length = (affine: Affine) =>
      Math.hypot(affine[0][axis] ?? 0, affine[1][axis] ?? 0, affine[2][axis] ?? 0);
    const ratio = length(result.affine) / length(volume.affine);
    return Array.from({ length: size }, (_, at) => (before - 1) / 2 + (at - (size - 1) / 2) * ratio);
  });
  const [xs = [], ys = [], zs = []] = places;
  return zs.flatMap((z) =>
    ys.flatMap((y) =>
      xs.map((x) => {
        const [wx, wy, wz] = [weigh(x, nx), weigh(y, ny), weigh(z, nz)];
        let sum = 0;
        for (let k = 0; k < nz; k++)
          for (let j = 0; j < ny; j++)
            for (let i = 0; i < nx; i++)
              sum += (wx[i] ?? 0) * (wy[j] ?? 0) * (wz[k] ?? 0) * (data[(k * ny + j) * nx + i] ?? 0);
        return sum;
      }),
    ),
  );
}

describe('a volume in voxels of another size', () => {
  it.each(['linear', 'cubic'] as const)('is the full sum over all voxels: %s', (interpolation) => {
    for (let seed = 0; seed < 25; seed++) {
      const volume = randomVolume('resample', seed);
      const random = createRandom('voxel', seed);
      const voxel: Vector = [0.4 + random.next() * 2, 0.4 + random.next() * 2, 0.4 + random.next() * 2];
      const result = resampleTo(volume, voxel, interpolation);
      const expected = slow(volume, result, interpolation);
      expect(result.data).toHaveLength(expected.length);
      const worst = Math.max(
        ...expected.map((value, at) => Math.abs(value - (result.data[at] ?? Number.NaN))),
      );
      expect(worst, `seed ${seed}`).toBeLessThan(2e-4);
    }
  });

  it('keeps the middle of the volume where it is, and the directions of its axes', () => {
    for (let seed = 0; seed < 20; seed++) {
      const volume = randomVolume('middle', seed);
      const { shape, affine } = resampleTo(volume, [0.7, 1.3, 2], 'linear');
      const middle = (of: Pick<Sample, 'shape' | 'affine'>) =>
        [0, 1, 2].map((row) => {
          const [a = 0, b = 0, c = 0, d = 0] = of.affine[row] ?? [];
          return (a * (of.shape[0] - 1) + b * (of.shape[1] - 1) + c * (of.shape[2] - 1)) / 2 + d;
        });
      const [was, is] = [middle(volume), middle({ shape, affine })];
      for (const axis of [0, 1, 2]) expect(is[axis]).toBeCloseTo(was[axis] ?? 0, 4);
      for (const [axis, size] of [0.7, 1.3, 2].entries()) {
        expect(Math.hypot(affine[0][axis] ?? 0, affine[1][axis] ?? 0, affine[2][axis] ?? 0)).toBeCloseTo(
          size,
          5,
        );
      }
    }
  });

  it('takes whole values where the nearest voxel is asked for', () => {
    const labels = { shape: [3, 1, 1] as Vector, data: Float32Array.of(0, 4, 2), affine: UNIT };
    expect([...resampleTo(labels, [0.5, 1, 1], 'nearest').data]).toEqual([0, 0, 4, 4, 2, 2]);
    expect([...resampleTo(labels, [3, 1, 1], 'nearest').data]).toEqual([4]);
  });

  it.each(['linear', 'cubic', 'nearest'] as const)('is the same in its own voxels: %s', (interpolation) => {
    const { shape, data } = randomVolume('same');
    expect(resampleTo({ shape, data, affine: UNIT }, [1, 1, 1], interpolation)).toEqual({
      shape,
      data,
      affine: UNIT,
    });
  });

  it('goes through every voxel by its spline', () => {
    const random = createRandom('spline');
    const values = Float32Array.from({ length: 40 }, () => random.normal());
    const coefficients = splineCoefficients(values, [40, 1, 1], 0);
    const at = (index: number) => coefficients[mirrored(index, 40)] ?? 0;
    for (const [index, value] of values.entries())
      expect((at(index - 1) + 4 * at(index) + at(index + 1)) / 6).toBeCloseTo(value, 5);
  });
});

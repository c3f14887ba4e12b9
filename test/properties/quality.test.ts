import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Vector } from '../../src/preprocess/nifti/affine.ts';
import { airOf, dietrich, foregroundToBackground } from '../../src/preprocess/quality/measure/air.ts';
import { entropyFocus } from '../../src/preprocess/quality/measure/entropy-focus.ts';
import { ghostToSignal } from '../../src/preprocess/quality/measure/ghosts.ts';
import { squaredDepth } from '../../src/preprocess/quality/measure/inner-head.ts';
import { dvars, overTime } from '../../src/preprocess/quality/measure/series.ts';
import { laplacian, smoothness } from '../../src/preprocess/quality/measure/smoothness.ts';
import { percentileOfSorted, spreadOf } from '../../src/preprocess/quality/measure/spread.ts';
import { createRandom } from '../../src/runtime/base/random.ts';

/** Every figure against its definition, worked out over all voxels by lists, without any of the code it is held to. */

const middle = (values: readonly number[]) => {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[half] ?? 0) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2;
};
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const variance = (values: readonly number[]) => mean(values.map((value) => (value - mean(values)) ** 2));
const close = (found: unknown, expected: number) => {
  expect(typeof found).toBe('number');
  expect(Math.abs(Number(found) - expected)).toBeLessThanOrEqual(1e-4 * Math.max(1, Math.abs(expected)));
};

interface Made {
  readonly shape: Vector;
  readonly data: Float32Array;
  readonly head: Uint8Array;
}

/** A head that is a box of bright voxels in noisy air, of any shape and place. */
const made = fc
  .record({
    x: fc.integer({ min: 8, max: 13 }),
    y: fc.integer({ min: 8, max: 13 }),
    z: fc.integer({ min: 3, max: 7 }),
    seed: fc.nat(),
  })
  .map(({ x, y, z, seed }): Made => {
    const random = createRandom('quality property', seed);
    const [left, low, deep] = [random.int(3), random.int(3), random.int(2)];
    const head = new Uint8Array(x * y * z);
    const data = Float32Array.from(head, (_, at) => {
      const [i, j, k] = [at % x, Math.floor(at / x) % y, Math.floor(at / (x * y))];
      const inside = i >= left && i < x - 2 && j >= low && j < y - 3 && k >= deep;
      head[at] = inside ? 1 : 0;
      return inside ? 100 + 50 * random.next() : 1 + 9 * random.next();
    });
    return { shape: [x, y, z], data, head };
  });
const parted = ({ data, head }: Made) => ({
  inside: [...data].filter((_, at) => head[at] === 1),
  outside: [...data].filter((_, at) => head[at] === 0),
});

describe('figures of quality are what their definitions say', () => {
  it('spread and percentiles', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -1000, max: 1000, noNaN: true }), { minLength: 2, maxLength: 200 }),
        (list) => {
          const values = Float32Array.from(list);
          const all = [...values];
          const spread = spreadOf(values);
          close(spread?.median, middle(all));
          close(spread?.deviation, Math.sqrt((variance(all) * all.length) / (all.length - 1)));
          close(spread?.mad, 1.4826 * middle(all.map((value) => Math.abs(value - middle(all)))));
          const sorted = values.toSorted();
          const place = 0.95 * (all.length - 1);
          const [below, above] = [sorted[Math.floor(place)] ?? 0, sorted[Math.ceil(place)] ?? 0];
          close(percentileOfSorted(sorted, 0.95), below + (place % 1) * (above - below));
        },
      ),
      { numRuns: 25 },
    );
  });

  it('air, FBER, SNRd and EFC', () => {
    fc.assert(
      fc.property(made, (image) => {
        const { inside, outside } = parted(image);
        const air = airOf(image.data, image.head, image.shape);
        const squares = (values: readonly number[]) => values.map((value) => Math.fround(value * value));
        if (outside.length < 100) return expect(air).toMatchObject({ because: expect.any(String) });
        close(
          foregroundToBackground(Float32Array.from(inside), air),
          middle(squares(inside)) / middle(squares(outside)),
        );
        const mad = 1.4826 * middle(outside.map((value) => Math.abs(value - middle(outside))));
        close(dietrich(100, air), (Math.sqrt(2 - Math.PI / 2) * 100) / mad);
        const all = [...image.data];
        const most = Math.sqrt(all.reduce((sum, value) => sum + value * value, 0));
        const entropy = (values: readonly number[]) => -values.reduce((sum, p) => sum + p * Math.log(p), 0);
        const even = all.map(() => 1 / Math.sqrt(all.length));
        close(entropyFocus(image.data), entropy(all.map((value) => value / most)) / entropy(even));
      }),
      { numRuns: 25 },
    );
  });

  it('smoothness along every axis, and the Laplacian', () => {
    fc.assert(
      fc.property(made, ({ data, head, shape: [nx, ny, nz] }) => {
        const at = (i: number, j: number, k: number) => (k * ny + j) * nx + i;
        const places = [...data.keys()].map(
          (voxel) => [voxel % nx, Math.floor(voxel / nx) % ny, Math.floor(voxel / (nx * ny))] as const,
        );
        const inside = places.filter(([i, j, k]) => head[at(i, j, k)] === 1);
        const value = (i: number, j: number, k: number) => data[at(i, j, k)] ?? 0;
        const isIn = (i: number, j: number, k: number) =>
          i >= 0 && j >= 0 && k >= 0 && i < nx && j < ny && k < nz && head[at(i, j, k)] === 1;
        const all = variance(inside.map(([i, j, k]) => value(i, j, k)));
        const widths = [
          [1, 0, 0],
          [0, 1, 0],
          [0, 0, 1],
        ].flatMap(([di = 0, dj = 0, dk = 0]) => {
          const steps = inside
            .filter(([i, j, k]) => isIn(i + di, j + dj, k + dk))
            .map(([i, j, k]) => (value(i + di, j + dj, k + dk) - value(i, j, k)) ** 2);
          if (steps.length < 100) return [];
          const alike = 1 - mean(steps) / (2 * all);
          return [alike > 0 ? Math.sqrt((-2 * Math.log(2)) / Math.log(alike)) : 0];
        });
        const found = smoothness(data, head, [nx, ny, nz]);
        if (widths.length === 0) expect(found).toMatchObject({ because: expect.any(String) });
        else close(found, mean(widths));
        const flat = inside.filter(
          ([i, j, k]) =>
            k === nz - 1 &&
            [
              [1, 0],
              [-1, 0],
              [0, 1],
              [0, -1],
            ].every(([a = 0, b = 0]) => isIn(i + a, j + b, k)),
        );
        const bends = flat.map(
          ([i, j, k]) =>
            value(i - 1, j, k) +
            value(i + 1, j, k) +
            value(i, j - 1, k) +
            value(i, j + 1, k) -
            4 * value(i, j, k),
        );
        const start = (nz - 1) * nx * ny;
        const slice = inside.filter(([, , k]) => k === nz - 1).map(([i, j, k]) => value(i, j, k));
        const sharp = laplacian(data.subarray(start), head.subarray(start), [nx, ny]);
        if (bends.length < 100) expect(sharp).toMatchObject({ because: expect.any(String) });
        else close(sharp, variance(bends) / variance(slice));
      }),
      { numRuns: 25 },
    );
  });

  it('ghosts along both axes', () => {
    fc.assert(
      fc.property(made, fc.constantFrom(0 as const, 1 as const), ({ data, head, shape }, axis) => {
        const [nx, ny, nz] = shape;
        const half = Math.floor(shape[axis] / 2);
        const [ghost, air, signal]: [number[], number[], number[]] = [[], [], []];
        for (let k = 0; k < nz; k++)
          for (let j = 0; j < ny; j++)
            for (let i = 0; i < nx; i++) {
              const voxel = (k * ny + j) * nx + i;
              const rolled =
                axis === 0
                  ? (k * ny + j) * nx + ((i - half + nx) % nx)
                  : (k * ny + ((j - half + ny) % ny)) * nx + i;
              const value = data[voxel] ?? 0;
              if (head[voxel] === 1) signal.push(value);
              else if (head[rolled] === 1) ghost.push(value);
              else air.push(value);
            }
        const found = ghostToSignal({ data, head, shape }, axis);
        if (Math.min(ghost.length, air.length) < 100)
          expect(found).toMatchObject({ because: expect.any(String) });
        else close(found, (mean(ghost) - mean(air)) / middle(signal));
      }),
      { numRuns: 25 },
    );
  });

  it('temporal signal to noise and DVARS', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), fc.nat(), (volumes, seed) => {
        const random = createRandom('series property', seed);
        const head = Uint8Array.from({ length: 50 }, () => random.int(2));
        head[0] = 1;
        const data = Float32Array.from({ length: 50 * volumes }, () => 100 + 20 * random.next());
        const found = overTime({ data, volumes });
        const times = [...Array(volumes).keys()];
        for (const voxel of head.keys()) {
          const own = times.map((time) => data[time * 50 + voxel] ?? 0);
          close(found.mean[voxel], mean(own));
          close(found.tsnr[voxel], mean(own) / Math.sqrt(variance(own)));
        }
        const inside = (time: number) =>
          [...data.subarray(time * 50, (time + 1) * 50)].filter((_, voxel) => head[voxel] === 1);
        const scale = 1000 / middle(times.flatMap(inside));
        const steps = times.slice(1).map((time) => {
          const before = inside(time - 1);
          return Math.sqrt(mean(inside(time).map((value, at) => (scale * (value - (before[at] ?? 0))) ** 2)));
        });
        close(dvars({ data, volumes }, head), mean(steps));
      }),
      { numRuns: 25 },
    );
  });

  it('depth below the surface of a mask', () => {
    fc.assert(
      fc.property(
        made,
        fc.tuple(fc.constantFrom(0.5, 1, 3), fc.constantFrom(1, 2), fc.constantFrom(1, 4.5)),
        ({ head, shape }, voxel) => {
          const [nx, ny, nz] = shape;
          const outside: Vector[] = [];
          for (let k = -1; k <= nz; k++)
            for (let j = -1; j <= ny; j++)
              for (let i = -1; i <= nx; i++) {
                const isBeyond = i < 0 || j < 0 || k < 0 || i === nx || j === ny || k === nz;
                if (isBeyond || head[(k * ny + j) * nx + i] === 0) outside.push([i, j, k]);
              }
          const found = squaredDepth(head, { shape, voxel });
          for (const [at, inside] of head.entries()) {
            const place = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))];
            const nearest = outside.reduce((least, other) => {
              const square = other.reduce(
                (sum, value, axis) => sum + ((value - (place[axis] ?? 0)) * (voxel[axis] ?? 1)) ** 2,
                0,
              );
              return Math.min(least, square);
            }, Number.POSITIVE_INFINITY);
            close(found[at], inside === 1 ? nearest : 0);
          }
        },
      ),
      { numRuns: 5 },
    );
  });
});

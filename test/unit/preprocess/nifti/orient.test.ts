import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Affine, affineFromColumns, type Vector } from '../../../../src/preprocess/nifti/affine.ts';
import {
  orientationOf,
  reorient,
  reorientToRas,
  type Volume,
} from '../../../../src/preprocess/nifti/orient.ts';

const CODES = ['RL', 'AP', 'SI']
  .flatMap((x) => ['RL', 'AP', 'SI'].flatMap((y) => ['RL', 'AP', 'SI'].map((z) => [x, y, z])))
  .filter((names) => new Set(names).size === 3)
  .flatMap((names) =>
    [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => names.map((pair, at) => pair[(bits >> at) & 1]).join('')),
  );
const DIRECTIONS: Record<string, Vector> = {
  R: [1, 0, 0],
  L: [-1, 0, 0],
  A: [0, 1, 0],
  P: [0, -1, 0],
  S: [0, 0, 1],
  I: [0, 0, -1],
};

const volumes: fc.Arbitrary<Volume<Int16Array>> = fc
  .record({
    codes: fc.constantFrom(...CODES),
    sizes: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 3, maxLength: 4 }),
    edges: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 3, maxLength: 3 }),
    tilt: fc.array(fc.double({ min: -0.2, max: 0.2, noNaN: true }), { minLength: 9, maxLength: 9 }),
  })
  .map(({ codes, sizes, edges, tilt }) => {
    const columns = [0, 1, 2].map((at) =>
      (DIRECTIONS[codes[at] as string] as Vector).map(
        (value, row) => (value + (tilt[at * 3 + row] ?? 0)) * (edges[at] ?? 1),
      ),
    ) as unknown as [Vector, Vector, Vector];
    const count = sizes.reduce((product, size) => product * size, 1);
    return {
      shape: sizes,
      data: Int16Array.from({ length: count }, (_, at) => at),
      affine: affineFromColumns(columns, [-30, 12.5, 7]),
    };
  });

/** Value by world position (rounded) and frame. */
function placed({ shape, data, affine }: Volume): Map<string, number> {
  const [nx = 1, ny = 1, nz = 1] = shape;
  const places = new Map<string, number>();
  for (const [at, value] of data.entries()) {
    const index = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny)) % nz, 1];
    const world = affine
      .slice(0, 3)
      .map((row) => row.reduce((sum, part, col) => sum + part * (index[col] ?? 0), 0));
    places.set(
      [...world.map((mm) => mm.toFixed(6)), Math.floor(at / (nx * ny * nz))]
        .join()
        .replaceAll('-0.000000', '0.000000'),
      value,
    );
  }
  return places;
}

describe('orientation', () => {
  it('is read from the affine for all 48 axis orders', () => {
    for (const codes of CODES) {
      const columns = [...codes].map((letter) => DIRECTIONS[letter]) as [Vector, Vector, Vector];
      expect(orientationOf(affineFromColumns(columns, [0, 0, 0]))).toBe(codes);
    }
    expect(CODES).toHaveLength(48);
  });

  it('pairs every index with its own axis, even at 45 degrees', () => {
    const half = Math.SQRT1_2;
    const tilted: Affine = affineFromColumns(
      [
        [half, half, 0],
        [-half, half, 0],
        [0, 0, 1],
      ],
      [0, 0, 0],
    );
    expect(orientationOf(tilted)).toBe('RAS');
  });
});

describe('reorienting', () => {
  it('gives RAS and leaves every voxel at its place in the world', () => {
    fc.assert(
      fc.property(volumes, (volume) => {
        const turned = reorientToRas(volume);
        expect(orientationOf(turned.affine)).toBe('RAS');
        expect(placed(turned)).toEqual(placed(volume));
      }),
    );
  });

  it('comes back exactly', () => {
    fc.assert(
      fc.property(volumes, fc.constantFrom(...CODES), (volume, codes) => {
        const back = reorient(reorient(volume, codes), orientationOf(volume.affine));
        expect(back.shape).toEqual(volume.shape);
        expect(back.data).toEqual(volume.data);
        for (const [at, value] of volume.affine.flat().entries())
          expect(back.affine.flat()[at]).toBeCloseTo(value, 9);
      }),
    );
  });

  it('does not share memory with its input', () => {
    const volume = {
      shape: [1, 1, 2],
      data: Uint8Array.of(1, 2),
      affine: affineFromColumns(
        [
          [1, 0, 0],
          [0, 1, 0],
          [0, 0, 1],
        ],
        [0, 0, 0],
      ),
    };
    reorientToRas(volume).data[0] = 9;
    expect(volume.data[0]).toBe(1);
  });

  it('refuses codes that name no orientation', () => {
    const volume = {
      shape: [1, 1, 1],
      data: Uint8Array.of(1),
      affine: affineFromColumns(
        [
          [1, 0, 0],
          [0, 1, 0],
          [0, 0, 1],
        ],
        [0, 0, 0],
      ),
    };
    expect(() => reorient(volume, 'RAX')).toThrow(RangeError);
  });
});

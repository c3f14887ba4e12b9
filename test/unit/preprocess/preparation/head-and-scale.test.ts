import { describe, expect, it } from 'vitest';
import type { Affine, Vector } from '../../../../src/preprocess/nifti/affine.ts';
import { boxOf, crop, middleBox, valuesIn } from '../../../../src/preprocess/preparation/crop.ts';
import { fillHoles, findHead, largestPart } from '../../../../src/preprocess/preparation/head-mask.ts';
import {
  applyMap,
  percentileMap,
  whiteStripeMap,
  zScoreMap,
} from '../../../../src/preprocess/preparation/intensity.ts';
import { createRandom } from '../../../../src/runtime/base/random.ts';

const AFFINE: Affine = [
  [2, 0, 0, 10],
  [0, 1, 0, 20],
  [0, 0, 3, 30],
  [0, 0, 0, 1],
];

function randomMask(seed: number, share: number): { shape: Vector; mask: Uint8Array } {
  const random = createRandom('mask', seed);
  const shape: Vector = [1 + random.int(6), 1 + random.int(6), 1 + random.int(6)];
  const mask = Uint8Array.from({ length: shape[0] * shape[1] * shape[2] }, () =>
    random.next() < share ? 1 : 0,
  );
  return { shape, mask };
}

/** The name of each voxel's part, by giving names on until nothing changes. */
function parts(mask: Uint8Array, [nx, ny, nz]: Vector, of: number): number[] {
  const names = [...mask].map((value, at) => (value === of ? at : -1));
  for (let changed = true; changed; ) {
    changed = false;
    for (let at = 0; at < names.length; at++) {
      if (names[at] === -1) continue;
      const [i, j, k] = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))];
      const near = [i > 0 && at - 1, i < nx - 1 && at + 1, j > 0 && at - nx, j < ny - 1 && at + nx];
      near.push(k > 0 && at - nx * ny, k < nz - 1 && at + nx * ny);
      for (const other of near) {
        if (other === false || names[other] === -1 || (names[other] ?? 0) >= (names[at] ?? 0)) continue;
        names[at] = names[other] ?? 0;
        changed = true;
      }
    }
  }
  return names;
}

describe('the mask of a head', () => {
  it('keeps the largest part alone', () => {
    for (let seed = 0; seed < 40; seed++) {
      const { shape, mask } = randomMask(seed, 0.4);
      const names = parts(mask, shape, 1);
      const sizes = new Map<number, number>();
      for (const name of names) if (name !== -1) sizes.set(name, (sizes.get(name) ?? 0) + 1);
      const most = Math.max(0, ...sizes.values());
      const best = Math.min(...[...sizes].filter(([, size]) => size === most).map(([name]) => name));
      expect([...largestPart(mask, shape)], `seed ${seed}`).toEqual(
        names.map((name) => (name === best && most > 0 ? 1 : 0)),
      );
    }
  });

  it('fills what no way leads to from the border', () => {
    for (let seed = 0; seed < 40; seed++) {
      const { shape, mask } = randomMask(seed, 0.7);
      const names = parts(mask, shape, 0);
      const open = new Set<number>();
      for (const [at, name] of names.entries()) {
        const place = [
          at % shape[0],
          Math.floor(at / shape[0]) % shape[1],
          Math.floor(at / (shape[0] * shape[1])),
        ];
        if (name !== -1 && place.some((index, axis) => index === 0 || index === (shape[axis] ?? 1) - 1))
          open.add(name);
      }
      const expected = names.map((name) => (name !== -1 && open.has(name) ? 0 : 1));
      expect([...fillHoles(mask, shape)], `seed ${seed}`).toEqual(expected);
    }
  });

  it('is found in noise, with its dark inside, and not in a volume of one value', () => {
    const random = createRandom('head');
    const side = 24;
    const data = Float32Array.from({ length: side ** 3 }, (_, at) => {
      const place = [at % side, Math.floor(at / side) % side, Math.floor(at / side ** 2)].map(
        (index) => index - 11.5,
      );
      const radius = Math.hypot(...place);
      return Math.abs(random.normal()) * 4 + (radius < 9 && radius > 3 ? 100 : 0);
    });
    const head = findHead({ shape: [side, side, side], data });
    const inside = [...data.keys()].filter((at) => {
      const place = [at % side, Math.floor(at / side) % side, Math.floor(at / side ** 2)].map(
        (index) => index - 11.5,
      );
      return Math.hypot(...place) < 9;
    });
    expect(head?.reduce((sum, value) => sum + value, 0)).toBe(inside.length);
    expect(inside.every((at) => head?.[at] === 1)).toBe(true);
    expect(findHead({ shape: [2, 2, 2], data: new Float32Array(8).fill(3) })).toBeUndefined();
  });
});

describe('a part of a volume', () => {
  const shape: Vector = [4, 3, 2];
  const data = Float32Array.from({ length: 24 }, (_, at) => at);

  it('keeps its place in the world', () => {
    const part = crop({ shape, data, affine: AFFINE }, { start: [1, 1, 0], shape: [2, 2, 1] });
    expect([...part.data]).toEqual([5, 6, 9, 10]);
    expect(part.affine.map((row) => row[3])).toEqual([12, 21, 30, 1]);
  });

  it('is 0 outside the volume', () => {
    const part = crop({ shape, data, affine: AFFINE }, middleBox({ shape }, [6, 1, 2]));
    expect([...part.data]).toEqual([0, 4, 5, 6, 7, 0, 0, 16, 17, 18, 19, 0]);
    expect(part.affine.map((row) => row[3])).toEqual([8, 21, 30, 1]);
  });

  it('is the mask and so many millimetres around it', () => {
    const mask = new Uint8Array(24);
    mask[5] = 1;
    expect(boxOf(mask, { shape, affine: AFFINE }, 0)).toEqual({ start: [1, 1, 0], shape: [1, 1, 1] });
    expect(boxOf(mask, { shape, affine: AFFINE }, 1.5)).toEqual({ start: [0, 0, 0], shape: [3, 3, 2] });
    expect(boxOf(new Uint8Array(24), { shape, affine: AFFINE }, 1)).toBeUndefined();
    expect([...valuesIn(data, mask)]).toEqual([5]);
  });
});

describe('a scale of values', () => {
  const random = createRandom('scale');

  it('has mean 0 and standard deviation 1 inside', () => {
    const values = Float32Array.from({ length: 5000 }, () => 300 + 40 * random.normal());
    const map = zScoreMap(values);
    const scaled = map ? applyMap(values, map) : values;
    const mean = scaled.reduce((a, b) => a + b, 0) / scaled.length;
    const squares = scaled.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    expect(mean).toBeCloseTo(0, 4);
    expect(Math.sqrt(squares / scaled.length)).toBeCloseTo(1, 4);
    expect(zScoreMap(new Float32Array(4).fill(2))).toBeUndefined();
  });

  it('goes from one percentile to the other', () => {
    const values = Float32Array.from({ length: 101 }, (_, at) => at);
    const map = percentileMap(Float32Array.from(random.shuffle([...values])), { low: 10, high: 90 });
    expect(map).toEqual({ shift: 10, scale: 80, limits: [0, 1] });
    if (map) expect([...applyMap(Float32Array.of(0, 10, 50, 90, 100), map)]).toEqual([0, 0, 0.5, 1, 1]);
  });

  it('finds white matter, whatever the scanner’s scale', () => {
    // Grey 0.7, white 1, a few bright vessels; parts as in a head.
    const tissue = [...Array.from({ length: 5000 }, () => 0.7 + 0.06 * random.normal())];
    tissue.push(...Array.from({ length: 5000 }, () => 1 + 0.04 * random.normal()));
    tissue.push(...Array.from({ length: 1500 }, () => 0.25 + 0.05 * random.normal()));
    tissue.push(...Array.from({ length: 60 }, () => 2 + random.next()));
    for (const [gain, offset] of [
      [1, 0],
      [850, 40],
      [0.02, -1],
    ] as const) {
      const values = Float32Array.from(tissue, (value) => gain * value + offset);
      const map = whiteStripeMap(values, 0.05);
      expect((map?.shift ?? 0) / gain - offset / gain).toBeGreaterThan(0.97);
      expect((map?.shift ?? 0) / gain - offset / gain).toBeLessThan(1.03);
    }
    expect(whiteStripeMap(new Float32Array(9).fill(1), 0.05)).toBeUndefined();
  });
});

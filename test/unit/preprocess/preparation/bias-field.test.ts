import { describe, expect, it } from 'vitest';
import type { Vector } from '../../../../src/preprocess/nifti/affine.ts';
import {
  BIAS_FIELD_DEFAULTS,
  estimateBiasField,
} from '../../../../src/preprocess/preparation/bias-field/bias-field.ts';
import {
  fourier,
  inverseFourier,
  signalOf,
} from '../../../../src/preprocess/preparation/bias-field/fourier.ts';
import {
  evaluateLattice,
  evenPlaces,
  LatticeFit,
  refineLattice,
} from '../../../../src/preprocess/preparation/bias-field/spline-lattice.ts';
import { createRandom } from '../../../../src/runtime/base/random.ts';

/** The uniform cubic B-spline, by its definition. */
const bump = (x: number) => {
  const far = Math.abs(x);
  if (far >= 2) return 0;
  return far >= 1 ? (2 - far) ** 3 / 6 : 2 / 3 - far ** 2 + far ** 3 / 2;
};
/** Of control point `point` at a place from 0 to 1. */
const basis = (point: number, place: number, points: number) => bump(place * (points - 3) - (point - 1));

describe('the Fourier transform', () => {
  it('is the sum over all pairs, and comes back', () => {
    const random = createRandom('fourier');
    for (const length of [1, 2, 8, 64]) {
      const values = Float64Array.from({ length }, () => random.normal());
      const signal = fourier(signalOf(values.slice()));
      for (let k = 0; k < length; k++) {
        const sum = (part: (x: number) => number) =>
          values.reduce((total, value, n) => total + value * part((-2 * Math.PI * k * n) / length), 0);
        expect(signal.re[k]).toBeCloseTo(sum(Math.cos), 9);
        expect(signal.im[k]).toBeCloseTo(sum(Math.sin), 9);
      }
      const back = inverseFourier(signal);
      for (const [n, value] of values.entries()) expect(back.re[n]).toBeCloseTo(value, 12);
    }
  });
});

describe('a B-spline over a box', () => {
  const shape: Vector = [5, 4, 6];
  const random = createRandom('lattice');
  const places = evenPlaces(shape);
  const points = 5;
  const grid = places[2].length * places[1].length * places[0].length;
  const placeOf = (voxel: number) => [
    places[0][voxel % 5] ?? 0,
    places[1][Math.floor(voxel / 5) % 4] ?? 0,
    places[2][Math.floor(voxel / 20)] ?? 0,
  ];
  const weightOf = (control: number, voxel: number) => {
    const [x = 0, y = 0, z = 0] = placeOf(voxel);
    const index = [
      control % points,
      Math.floor(control / points) % points,
      Math.floor(control / points ** 2),
    ];
    return [x, y, z].map((place, axis) => basis(index[axis] ?? 0, place, points));
  };

  it('has the values of the sum over all control points', () => {
    const values = Float64Array.from({ length: points ** 3 }, () => random.normal());
    const made = evaluateLattice({ points, values }, places);
    for (let voxel = 0; voxel < grid; voxel++) {
      const sum = values.reduce(
        (total, value, control) =>
          total + value * weightOf(control, voxel).reduce((product, w) => product * w, 1),
        0,
      );
      expect(made[voxel]).toBeCloseTo(sum, 5);
    }
  });

  it('is the same function when it is refined', () => {
    const lattice = { points: 4, values: Float64Array.from({ length: 64 }, () => random.normal()) };
    const finer = refineLattice(refineLattice(lattice));
    expect(finer.points).toBe(7);
    const [coarse, fine] = [lattice, finer].map((of) => evaluateLattice(of, places));
    for (const [voxel, value] of coarse?.entries() ?? []) expect(fine?.[voxel]).toBeCloseTo(value, 5);
  });

  it('is fitted as Lee, Wolberg and Shin say, voxel by voxel', () => {
    const mask = Uint8Array.from({ length: grid }, () => (random.next() < 0.7 ? 1 : 0));
    const residual = Float32Array.from({ length: grid }, () => random.normal());
    const { values } = new LatticeFit(mask, places, points).fit(residual);
    const voxels = [...mask.keys()].filter((voxel) => mask[voxel] === 1);
    const productOf = (control: number, voxel: number) => weightOf(control, voxel).reduce((a, b) => a * b, 1);
    for (let control = 0; control < points ** 3; control++) {
      let [wanted, weight] = [0, 0];
      for (const voxel of voxels) {
        const own = productOf(control, voxel);
        const squares = Array.from({ length: points ** 3 }, (_, other) => productOf(other, voxel) ** 2);
        const asked = (own * (residual[voxel] ?? 0)) / squares.reduce((a, b) => a + b, 0);
        wanted += own ** 2 * asked;
        weight += own ** 2;
      }
      expect(values[control]).toBeCloseTo(weight === 0 ? 0 : wanted / weight, 6);
    }
  });
});

/** Tissue in shells, with noise, and a smooth field over it. */
function shaded(strength: number) {
  const side = 40;
  const random = createRandom('shaded');
  const count = side ** 3;
  const [image, field, tissue] = [new Float32Array(count), new Float64Array(count), new Float64Array(count)];
  const mask = new Uint8Array(count);
  for (let at = 0; at < count; at++) {
    const [x = 0, y = 0, z = 0] = [at % side, Math.floor(at / side) % side, Math.floor(at / side ** 2)].map(
      (index) => (2 * index) / (side - 1) - 1,
    );
    const radius = Math.hypot(x, y, z);
    if (radius > 0.95) continue;
    mask[at] = 1;
    tissue[at] = [50, 100, 160][Math.floor((radius * 7) % 3)] ?? 0;
    field[at] = Math.exp(strength * (0.5 * x + 0.4 * y * y - 0.3 * x * z));
    image[at] = (tissue[at] ?? 0) * (field[at] ?? 1) * (1 + 0.03 * random.normal());
  }
  return { shape: [side, side, side] as Vector, image, field, mask, tissue };
}

/** Standard deviation over mean of a tissue, the mean of all tissues. */
function spread(values: (voxel: number) => number, tissue: Float64Array): number {
  const spreads = [50, 100, 160].map((level) => {
    const own = [...tissue.keys()].filter((voxel) => tissue[voxel] === level).map(values);
    const mean = own.reduce((a, b) => a + b, 0) / own.length;
    return Math.sqrt(own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length) / mean;
  });
  return spreads.reduce((a, b) => a + b, 0) / spreads.length;
}

describe('the bias field', () => {
  it('of a head in three tissues is found: each tissue is nearly as even as its noise', () => {
    const { shape, image, mask, tissue } = shaded(0.6);
    const field = estimateBiasField({ shape, data: image }, mask, { ...BIAS_FIELD_DEFAULTS, shrink: 2 });
    const before = spread((voxel) => image[voxel] ?? 0, tissue);
    const after = spread((voxel) => (image[voxel] ?? 0) / (field[voxel] ?? 1), tissue);
    expect(before).toBeGreaterThan(0.13);
    expect(after).toBeLessThan(0.05);
  });

  it('is nearly one factor where there is none', () => {
    const { shape, image, mask } = shaded(0);
    const field = estimateBiasField({ shape, data: image }, mask, { ...BIAS_FIELD_DEFAULTS, shrink: 2 });
    const own = [...field.keys()].filter((voxel) => mask[voxel] === 1).map((voxel) => field[voxel] ?? 0);
    const mean = own.reduce((a, b) => a + b, 0) / own.length;
    expect(Math.max(...own.map((value) => Math.abs(value / mean - 1)))).toBeLessThan(0.08);
  });

  it('is 1 where nothing may be looked at, and for a volume of one value', () => {
    const data = new Float32Array(8).fill(7);
    const shape: Vector = [2, 2, 2];
    expect(estimateBiasField({ shape, data }, new Uint8Array(8))).toEqual(new Float32Array(8).fill(1));
    const field = estimateBiasField({ shape, data }, new Uint8Array(8).fill(1));
    for (const value of field) expect(value).toBeCloseTo(1, 6);
  });

  it('does not look at voxels of 0 and below', () => {
    const { shape, image, mask, tissue } = shaded(0.6);
    const all = new Uint8Array(mask.length).fill(1);
    const cold = image.map((value, voxel) => (tissue[voxel] === 0 ? -3 : value));
    const options = { ...BIAS_FIELD_DEFAULTS, shrink: 2, iterations: [5] };
    expect(estimateBiasField({ shape, data: cold }, all, options)).toEqual(
      estimateBiasField({ shape, data: image }, mask, options),
    );
  });
});

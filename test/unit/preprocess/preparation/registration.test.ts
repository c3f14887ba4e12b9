import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Affine, IDENTITY, type Vector, worldOf } from '../../../../src/preprocess/nifti/affine.ts';
import { findHead } from '../../../../src/preprocess/preparation/head-mask.ts';
import { maximise } from '../../../../src/preprocess/preparation/registration/maximise.ts';
import { moved } from '../../../../src/preprocess/preparation/registration/move.ts';
import {
  binsOf,
  MutualInformation,
} from '../../../../src/preprocess/preparation/registration/mutual-information.ts';
import {
  AFFINE,
  affineValues,
  RIGID,
} from '../../../../src/preprocess/preparation/registration/parameters.ts';
import { prepareTemplate, register } from '../../../../src/preprocess/preparation/registration/register.ts';
import { INTERPOLATIONS, regridded, resampleTo } from '../../../../src/preprocess/preparation/resample.ts';
import { createRandom } from '../../../../src/runtime/base/random.ts';
import { madeHead, NODDING } from '../../../support/made-head.ts';

describe('mutual information', () => {
  const shape: Vector = [12, 11, 10];
  const [black, white] = [0, 100];

  /** Samples well inside a volume of noise, so that none leaves it, and a motion near the middle. */
  function problem(seed: number) {
    const random = createRandom('gradient', seed);
    const data = Float32Array.from({ length: 12 * 11 * 10 }, () => 110 * random.next() - 5);
    const places = Float64Array.from({ length: 3 * 500 }, () => 4 * (random.next() - 0.5));
    const bins = binsOf(
      Float64Array.from({ length: 500 }, () => 110 * random.next() - 5),
      { black, white },
    );
    return { random, information: new MutualInformation({ places, bins }, { shape, data, black, white }) };
  }

  /** Places in mm around the middle of the volume, whose voxels have 1 mm. */
  const inVoxels = (motion: Float64Array) => {
    const matrix = motion.slice();
    for (const [axis, size] of shape.entries())
      matrix[4 * axis + 3] = (matrix[4 * axis + 3] ?? 0) + (size - 1) / 2;
    return matrix;
  };

  it.each([
    ['rigid', RIGID],
    ['affine', AFFINE],
  ])('has the slope that differences show, by %s parameters', (_, parameters) => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), (seed) => {
        const { random, information } = problem(seed);
        const values = Float64Array.from({ length: parameters.count }, () => 2 * random.next() - 1);
        const at = (numbers: Float64Array) => information.at(inVoxels(parameters.motion(numbers)));
        const slope = parameters.chain(values, at(values).gradient);
        const step = 1e-6;
        for (let n = 0; n < parameters.count; n++) {
          const [less, more] = [values.slice(), values.slice()];
          less[n] = (less[n] ?? 0) - step;
          more[n] = (more[n] ?? 0) + step;
          const found = (at(more).information - at(less).information) / (2 * step);
          expect(Math.abs(found - (slope[n] ?? 0)), `${n}`).toBeLessThan(1e-4 + 0.01 * Math.abs(found));
        }
      }),
      { seed: 3, numRuns: 12 },
    );
  });

  it('is the entropy of the image where both are the same, and 0 where one says nothing', () => {
    const { random } = problem(1);
    // Far more samples than cells of the histogram; values on voxels, which are not interpolated.
    const count = 20_000;
    const data = Float32Array.from({ length: 12 * 11 * 10 }, () => (random.next() < 0.5 ? 10 : 90));
    const places = Float64Array.from({ length: 3 * count }, (_, at) => random.int(shape[at % 3] ?? 1));
    const index = (at: number) =>
      ((places[3 * at + 2] ?? 0) * 11 + (places[3 * at + 1] ?? 0)) * 12 + (places[3 * at] ?? 0);
    const own = Float64Array.from({ length: count }, (_, at) => data[index(at)] ?? 0);
    const matrix = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0);
    const of = (values: Float64Array) =>
      new MutualInformation(
        { places, bins: binsOf(values, { black, white }) },
        { shape, data, black, white },
      ).at(matrix);
    const same = of(own);
    expect(same.overlap).toBe(1);
    expect(same.information).toBeCloseTo(Math.log(2), 2);
    expect(same.information).toBeCloseTo(same.entropy, 6);
    expect(of(Float64Array.from({ length: count }, () => 100 * random.next())).information).toBeLessThan(
      0.01,
    );
  });

  it('says nothing of images that hardly meet', () => {
    const { information } = problem(2);
    expect(information.at(inVoxels(Float64Array.of(1, 0, 0, 40, 0, 1, 0, 0, 0, 0, 1, 0)))).toMatchObject({
      information: Number.NaN,
      overlap: 0,
    });
  });
});

describe('a motion', () => {
  it('is the same by the parameters of an affine one', () => {
    const motion = RIGID.motion(Float64Array.of(20, -10, 30, 1, 2, 3));
    for (const [at, value] of AFFINE.motion(affineValues(motion)).entries())
      expect(value).toBeCloseTo(motion[at] ?? Number.NaN, 12);
  });

  it('keeps lengths where it is rigid', () => {
    const m = RIGID.motion(Float64Array.of(50, -70, 40, 5, 6, 7));
    const at = (row: number, column: number) => m[4 * row + column] ?? 0;
    for (const [a, b] of [
      [0, 0],
      [0, 1],
      [0, 2],
      [1, 1],
      [1, 2],
      [2, 2],
    ] as const)
      expect(at(0, a) * at(0, b) + at(1, a) * at(1, b) + at(2, a) * at(2, b)).toBeCloseTo(
        a === b ? 1 : 0,
        12,
      );
  });
});

describe('the search for a maximum', () => {
  it('finds that of a bent ridge, and never ends lower than it began', () => {
    const ridge = (v: Float64Array) => {
      const [x, y] = [v[0] ?? 0, v[1] ?? 0];
      const [a, b] = [1 - x, y - x * x];
      return { value: -(a * a) - 20 * b * b, gradient: Float64Array.of(2 * a + 80 * x * b, -40 * b) };
    };
    const search = { longest: 1, shortest: 1e-6, iterations: 200 };
    const [x, y] = maximise(ridge, Float64Array.of(-1.5, 2), search);
    expect([x, y].map((value) => Number(value?.toFixed(3)))).toEqual([1, 1]);
    const nowhere = () => ({ value: Number.NaN, gradient: Float64Array.of(1, 1) });
    expect([...maximise(nowhere, Float64Array.of(3, 4), search)]).toEqual([3, 4]);
  });
});

describe('a volume through a motion', () => {
  const random = createRandom('move');
  const volume = {
    shape: [7, 6, 5] as const,
    data: Float32Array.from({ length: 210 }, () => 100 * random.next()),
    affine: [
      [0, -1.5, 0, 10],
      [1, 0, 0, -3],
      [0, 0, 2, 4],
      [0, 0, 0, 1],
    ] as const,
  };

  it.each(INTERPOLATIONS)('is the resampled volume where nothing moves: %s', (interpolation) => {
    const voxel: Vector = [0.7, 1.1, 1.3];
    const expected = resampleTo(volume, voxel, interpolation);
    const made = moved(volume, IDENTITY, { grid: regridded(volume, voxel), interpolation });
    expect([made.shape, made.affine]).toEqual([expected.shape, expected.affine]);
    for (const [at, value] of made.data.entries())
      expect(value).toBeCloseTo(expected.data[at] ?? Number.NaN, 3);
  });

  it('is 0 where the volume shows nothing, and the voxel itself where one comes to lie on another', () => {
    // By one voxel along the first axis of the volume, which runs along y.
    const matrix: Affine = [IDENTITY[0], [0, 1, 0, 1], IDENTITY[2], IDENTITY[3]];
    for (const interpolation of INTERPOLATIONS) {
      const { data } = moved(volume, matrix, { grid: volume, interpolation });
      for (const [at, value] of data.entries())
        expect(value).toBeCloseTo(at % 7 === 6 ? 0 : (volume.data[at + 1] ?? Number.NaN), 3);
    }
  });
});

describe('a registration', () => {
  const head = (scan: ReturnType<typeof madeHead>) => {
    const mask = findHead(scan);
    if (!mask) throw new Error('shows nothing');
    return { scan, mask };
  };
  const fixed = madeHead();
  const template = prepareTemplate(head(fixed));
  if (!template) throw new Error('no template');

  // Voxels of 3 x 3 x 4 mm: within half a slice. What the images say of one another is most there, and not at the motion itself.
  it.each<[string, Affine, (tissue: number) => number]>([
    ['a still head', IDENTITY, (tissue) => tissue],
    ['a head that nods, on another scale of values', NODDING, (tissue) => 900 + 7 * tissue],
    [
      'a larger and sheared head in another contrast',
      [
        [1.1, 0.06, -0.2, -4],
        [-0.05, 1.05, 0.1, 7],
        [0.2, -0.04, 1.08, -3],
        [0, 0, 0, 1],
      ],
      (tissue) => (tissue < 1 ? 0 : 160 - tissue),
    ],
  ])('finds the motion of %s', (_, matrix, shown) => {
    const scan = madeHead({ matrix, shown, shape: [40, 44, 30], voxel: [3, 3, 4] });
    const found = register(template, head(scan));
    for (const place of [
      [30, 0, 0],
      [-30, 0, 0],
      [0, 36, 0],
      [0, -36, 0],
      [0, 0, 28],
      [0, 0, -28],
    ] as const) {
      const [wanted, got] = [worldOf(matrix, place), worldOf(found.matrix, place)];
      expect(Math.hypot(...wanted.map((value, axis) => value - (got[axis] ?? 0))), `${place}`).toBeLessThan(
        2,
      );
    }
    expect(found.share).toBeGreaterThan(0.05);
  });
});

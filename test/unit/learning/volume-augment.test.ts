import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/runtime/base/random.ts';
import { addNoise, bendGreys, shadeUnevenly } from '../../../src/runtime/learning/dataset/augment-greys.ts';
import { blurByMotion, ringAsGibbs } from '../../../src/runtime/learning/dataset/augment-k-space.ts';
import {
  drawElastic,
  placementOf,
  sourcesOf,
  warpChannel,
} from '../../../src/runtime/learning/dataset/augment-space.ts';
import { LineTransform } from '../../../src/runtime/learning/dataset/line-transform.ts';
import { augmentVolumes } from '../../../src/runtime/learning/dataset/volume-augment.ts';

type Shape = readonly [number, number, number];

const voxels = ([nx, ny, nz]: Shape) => nx * ny * nz;
const noise = (shape: Shape, seed = 0) => {
  const random = createRandom('voxels', seed);
  return Float32Array.from({ length: voxels(shape) }, () => random.normal());
};
const placeOf = (at: number, [nx, ny]: Shape) =>
  [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))] as const;
const patchOf = (shape: Shape, channels = [noise(shape)]) => ({
  shape,
  channels,
  labels: Uint8Array.from(noise(shape, 1), (value) => (value > 0.5 ? 2 : value > 0 ? 1 : 0)),
});

/** Sums over all pairs, the definition. */
function slowTransform(re: ArrayLike<number>, im: ArrayLike<number>, sign: 1 | -1) {
  const size = re.length;
  const places = Array.from({ length: size }, (_, at) => at);
  const sum = (k: number, part: (cos: number, sin: number, n: number) => number) =>
    places.reduce((total, n) => {
      const angle = (sign * 2 * Math.PI * k * n) / size;
      return total + part(Math.cos(angle), Math.sin(angle), n);
    }, 0);
  return {
    re: places.map((k) => sum(k, (cos, sin, n) => (re[n] ?? 0) * cos - (im[n] ?? 0) * sin)),
    im: places.map((k) => sum(k, (cos, sin, n) => (re[n] ?? 0) * sin + (im[n] ?? 0) * cos)),
  };
}

/** One axis of a volume through k-space, line by line by the definition, with a weight for each frequency. */
function slowLines(
  values: ArrayLike<number>,
  shape: Shape,
  axis: 0 | 1 | 2,
  weight: (frequency: number) => number,
) {
  const result = Array.from(values);
  const size = shape[axis];
  const lines = Map.groupBy(result.keys(), (at) =>
    placeOf(at, shape)
      .filter((_, other) => other !== axis)
      .join(),
  );
  for (const line of lines.values()) {
    const there = slowTransform(
      line.map((at) => values[at] ?? 0),
      line.map(() => 0),
      -1,
    );
    const of = (at: number) => weight(at < size / 2 ? at : at - size);
    const back = slowTransform(
      there.re.map((value, at) => value * of(at)),
      there.im.map((value, at) => value * of(at)),
      1,
    );
    for (const [at, place] of line.entries()) result[place] = (back.re[at] ?? 0) / size;
  }
  return result;
}

const expectClose = (found: ArrayLike<number>, wanted: ArrayLike<number>, digits = 5) => {
  expect(found.length).toBe(wanted.length);
  for (let at = 0; at < found.length; at++) expect(found[at]).toBeCloseTo(wanted[at] ?? Number.NaN, digits);
};

const shapes: Shape[] = [
  [6, 5, 4],
  [8, 8, 1],
  [7, 1, 9],
];

describe('k-space', () => {
  it('of a line of any length is the sum that defines it, and comes back', () => {
    const line = fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(line, fc.integer(), (values, seed) => {
        const random = createRandom(seed);
        const [re, im] = [Float64Array.from(values), Float64Array.from(values, () => random.normal())];
        const slow = slowTransform(re, im, -1);
        const transform = new LineTransform(values.length);
        const [a, b] = [re.slice(), im.slice()];
        transform.forward(a, b);
        expectClose(a, slow.re, 9);
        expectClose(b, slow.im, 9);
        transform.inverse(a, b);
        expectClose(a, re, 9);
        expectClose(b, im, 9);
      }),
      { numRuns: 60 },
    );
  });

  it.each(shapes)(
    'Gibbs ringing of %d x %d x %d voxels is k-space with its highest frequencies cut',
    (...shape) => {
      for (const share of [0.2, 0.5, 0.9]) {
        const values = noise(shape);
        let slow: ArrayLike<number> = values.slice();
        for (const axis of [0, 1, 2] as const)
          slow = slowLines(slow, shape, axis, (frequency) =>
            Math.abs(frequency) <= ((1 - share) * shape[axis]) / 2 ? 1 : 0,
          );
        ringAsGibbs(values, shape, share);
        expectClose(values, slow);
      }
    },
  );

  it('Gibbs ringing over- and undershoots at an edge by about 9 %, and leaves the mean', () => {
    const edge = Float32Array.from({ length: 256 }, (_, at) => (at >= 64 && at < 192 ? 1 : 0));
    ringAsGibbs(edge, [256, 1, 1], 0.75);
    expect(Math.max(...edge)).toBeGreaterThan(1.07);
    expect(Math.max(...edge)).toBeLessThan(1.11);
    expect(Math.min(...edge)).toBeLessThan(-0.07);
    expect(edge.reduce((sum, value) => sum + value, 0) / 256).toBeCloseTo(0.5, 5);
  });

  it.each(shapes)('motion of %d x %d x %d voxels takes its lines of k-space from three poses', (...shape) => {
    const poses = [
      { angles: [4, -3, 7], shifts: [0.4, -1, 0.7] },
      { angles: [-6, 2, 1], shifts: [1, 0.2, -0.5] },
    ] as const;
    for (const axis of ([0, 1, 2] as const).filter((own) => shape[own] > 1)) {
      const values = noise(shape);
      const views = [
        values.slice(),
        ...poses.map((pose) => {
          const copy = values.slice();
          warpChannel(
            copy,
            shape,
            sourcesOf(shape, { affine: placementOf(shape, pose), elastic: undefined }),
          );
          return copy;
        }),
      ];
      const [from, to] = [0.3, 0.8];
      const half = Math.floor(shape[axis] / 2);
      const takenBy = (frequency: number) =>
        frequency + half < from * shape[axis] ? 1 : frequency + half >= to * shape[axis] ? 2 : 0;
      const parts = views.map((view, pose) =>
        slowLines(view, shape, axis, (frequency) => (takenBy(frequency) === pose ? 1 : 0)),
      );
      blurByMotion(values, shape, { axis, poses, from, to });
      expectClose(
        values,
        Array.from(values, (_, at) => parts.reduce((sum, part) => sum + (part[at] ?? 0), 0)),
      );
    }
  });
});

describe('greys', () => {
  const shape: Shape = [12, 11, 10];

  it('noise is normal: mean 0, the deviation that is asked for, kurtosis 3', () => {
    const values = new Float32Array(40_000);
    addNoise(values, 0.25, createRandom('noise'));
    const moment = (power: number) =>
      values.reduce((sum, value) => sum + (value / 0.25) ** power, 0) / values.length;
    expect(moment(1)).toBeCloseTo(0, 1);
    expect(moment(2)).toBeCloseTo(1, 1);
    expect(Math.abs(moment(3))).toBeLessThan(0.08);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.2);
  });

  it('gamma keeps order, black and white', () => {
    const before = noise(shape);
    const after = before.slice();
    bendGreys(after, 1.4);
    expect(Math.min(...after)).toBeCloseTo(Math.min(...before), 5);
    expect(Math.max(...after)).toBeCloseTo(Math.max(...before), 5);
    const order = [...before.keys()].sort((a, b) => (before[a] ?? 0) - (before[b] ?? 0));
    for (const [at, place] of order.entries())
      expect(after[place]).toBeGreaterThanOrEqual(after[order[Math.max(0, at - 1)] ?? 0] ?? 0);
  });

  it('a bias field is e to a polynomial of third order, and multiplies what is over black', () => {
    const before = noise(shape);
    const after = before.slice();
    const drawn: number[] = [];
    const random = createRandom('bias');
    shadeUnevenly(after, shape, () => {
      drawn.push(random.normal() / 4);
      return drawn.at(-1) ?? 0;
    });
    expect(drawn.length).toBe(19);
    const black = Math.min(...before);
    const wanted = Array.from(before, (value, at) => {
      const [x, y, z] = placeOf(at, shape).map((place, axis) => (2 * place) / ((shape[axis] ?? 0) - 1) - 1);
      let [next, sum] = [0, 0];
      for (let i = 0; i <= 3; i++)
        for (let j = 0; i + j <= 3; j++)
          for (let k = 0; i + j + k <= 3; k++)
            if (i + j + k > 0) sum += (drawn[next++] ?? 0) * (x ?? 0) ** i * (y ?? 0) ** j * (z ?? 0) ** k;
      return black + (value - black) * Math.exp(sum);
    });
    expectClose(after, wanted, 4);
  });
});

describe('changes of patches of volumes', () => {
  const strong = {
    flip: true,
    rotate: 20,
    scale: 0.2,
    shift: 0.1,
    elastic: 3,
    gamma: 0,
    bias: 0,
    noise: 0,
    gibbs: 0,
    motion: 0,
    chance: 1,
  };

  it.each([
    [9, 10, 8],
    [16, 13, 1],
  ] as Shape[])('move image and mask of %d x %d x %d voxels alike', (...shape) => {
    // Channels that hold the place of each voxel tell where a changed voxel is from.
    const ramps = ([0, 1, 2] as const).map((axis) =>
      Float32Array.from({ length: voxels(shape) }, (_, at) => placeOf(at, shape)[axis] + 1),
    );
    const outside = Float32Array.from({ length: voxels(shape) }, () => 1);
    for (let seed = 0; seed < 20; seed++) {
      const patch = patchOf(
        shape,
        [...ramps, outside].map((ramp) => ramp.slice()),
      );
      const before = patch.labels.slice();
      augmentVolumes(strong)(patch, createRandom('patch', seed));
      let looked = 0;
      for (const [at, label] of patch.labels.entries()) {
        const from = ramps.map((_, axis) => (patch.channels[axis]?.[at] ?? 1) - 1);
        // What comes from outside is the least of a ramp, as the first voxels are.
        if (from.some((value, axis) => value <= 0 && shape[axis] !== 1)) continue;
        // Half-way between two voxels either is the nearest.
        if (from.some((value) => Math.abs(value - Math.floor(value) - 0.5) < 1e-3)) continue;
        const [x = 0, y = 0, z = 0] = from.map(Math.round);
        expect(label).toBe(before[(z * shape[1] + y) * shape[0] + x]);
        looked++;
      }
      expect(looked).toBeGreaterThan(voxels(shape) / 5);
    }
  });

  it('change nothing at strength 0, and the same with the same seed', () => {
    const none = { ...strong, flip: false, rotate: 0, scale: 0, shift: 0, elastic: 0 };
    const patch = patchOf([9, 8, 7]);
    augmentVolumes(none)(patch, createRandom('patch'));
    expect(patch).toEqual(patchOf([9, 8, 7]));
    const changed = (seed: number) => {
      const own = patchOf([9, 8, 7]);
      augmentVolumes('strong')(own, createRandom('patch', seed));
      return own;
    };
    expect(changed(1)).toEqual(changed(1));
    expect(changed(1)).not.toEqual(changed(2));
  });

  it('leave k-space as it is for a head that does not move, and for a share of 0', () => {
    const values = noise([8, 6, 5]);
    const rest = { angles: [0, 0, 0], shifts: [0, 0, 0] } as const;
    blurByMotion(values, [8, 6, 5], { axis: 1, poses: [rest, rest], from: 0.4, to: 0.6 });
    expectClose(values, noise([8, 6, 5]));
    ringAsGibbs(values, [8, 6, 5], 0);
    expectClose(values, noise([8, 6, 5]));
  });

  it('deform smoothly and no farther than they may', () => {
    const shape: Shape = [20, 18, 16];
    for (const field of drawElastic(shape, 2.5, createRandom('elastic'))) {
      expect(Math.max(...field.map(Math.abs))).toBeLessThanOrEqual(2.5);
      expect(Math.max(...field.map(Math.abs))).toBeGreaterThan(0.3);
      for (let at = 1; at < field.length; at++)
        if (at % 20 !== 0) expect(Math.abs((field[at] ?? 0) - (field[at - 1] ?? 0))).toBeLessThan(1.1);
    }
  });

  it('turn content about the middle by the degrees that are said', () => {
    const shape: Shape = [9, 9, 1];
    const values = new Float32Array(81);
    values[4 * 9 + 7] = 1;
    warpChannel(
      values,
      shape,
      sourcesOf(shape, {
        affine: placementOf(shape, { angles: [10, 20, 90], shifts: [0, 0, 0] }),
        elastic: undefined,
      }),
    );
    const [x, y] = placeOf(values.indexOf(Math.max(...values)), shape);
    expect([Math.abs(x - 4), Math.abs(y - 4)]).toEqual([0, 3]);
  });

  it.each([
    [{ rotat: 3 }, /rotat.*rotate/],
    [{ rotate: -3 }, /augment\.rotate/],
    [{ gibbs: 1 }, /augment\.gibbs/],
    [{ chance: 1.5 }, /augment\.chance/],
    [{ flip: 1 }, /augment\.flip/],
    [{ noise: '0.1' }, /augment\.noise/],
    ['wild', /mild, strong/],
    [[], /mild, strong/],
  ])('refuse %j by name', (wish, message) => {
    expect(() => augmentVolumes(wish)).toThrow(message);
  });
});

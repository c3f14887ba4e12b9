import { describe, expect, it } from 'vitest';
import { centredAffine, type Vector } from '../../../../src/preprocess/nifti/affine.ts';
import { airOf, dietrich, foregroundToBackground } from '../../../../src/preprocess/quality/measure/air.ts';
import { entropyFocus } from '../../../../src/preprocess/quality/measure/entropy-focus.ts';
import { ghostToSignal } from '../../../../src/preprocess/quality/measure/ghosts.ts';
import { innerHead } from '../../../../src/preprocess/quality/measure/inner-head.ts';
import { framewiseDisplacement, movements } from '../../../../src/preprocess/quality/measure/motion.ts';
import { dvars, overTime } from '../../../../src/preprocess/quality/measure/series.ts';
import { laplacian, smoothness } from '../../../../src/preprocess/quality/measure/smoothness.ts';
import { tissuesOf } from '../../../../src/preprocess/quality/measure/tissues.ts';
import { measureVolume } from '../../../../src/preprocess/quality/measure-volume.ts';
import { subjectOf } from '../../../../src/preprocess/quality/subject.ts';
import { createRandom } from '../../../../src/runtime/base/random.ts';
import { magnitude, smoothNoise, volumeOf } from './made-images.ts';

const SHAPE: Vector = [24, 24, 12];
const ball = volumeOf(
  SHAPE,
  (x, y, z) => ((x - 11.5) / 8) ** 2 + ((y - 11.5) / 8) ** 2 + ((z - 5.5) / 5) ** 2,
);
const head = Uint8Array.from(ball, (distance) => (distance <= 1 ? 1 : 0));

describe('noise of known size', () => {
  it('gives the signal to noise it was made with', () => {
    const random = createRandom('known noise');
    const data = Float32Array.from(head, (inside) => magnitude(inside ? 200 : 0, 10, random));
    const air = airOf(data, head, SHAPE);
    expect(dietrich(200, air)).toBeCloseTo(20, 0);
    const inside = data.filter((_, at) => head[at] === 1);
    // The median of the square of Rayleigh noise is 2 ln 2 times its variance.
    expect(foregroundToBackground(inside, air)).toBeCloseTo(
      (200 ** 2 + 10 ** 2) / (2 * Math.LN2 * 10 ** 2),
      -1,
    );
  });

  it('is found beside what a scanner filled in with zeros, and not where the air was masked', () => {
    const random = createRandom('filled');
    const data = volumeOf(SHAPE, (x) => (x < 3 ? 0 : magnitude(0, 10, random)));
    for (const [at, inside] of head.entries()) if (inside) data[at] = 200;
    expect(dietrich(200, airOf(data, head, SHAPE))).toBeCloseTo(20, 0);
    const masked = data.map((value, at) => (head[at] === 1 ? value : 0));
    expect(airOf(masked, head, SHAPE)).toMatchObject({ because: expect.stringContaining('masked') });
    expect(dietrich(200, airOf(masked, head, SHAPE))).toMatchObject({ because: expect.any(String) });
  });
});

describe('tissues of known brightness', () => {
  const means = { csf: 60, grey: 110, white: 150 };
  const values = (order: readonly number[], sigma: number) => {
    const random = createRandom('tissues', ...order);
    const shares = [0.2, 0.45, 0.35];
    return Float32Array.from({ length: 20_000 }, () => {
      const draw = random.next();
      const which = draw < 0.2 ? 0 : draw < 0.2 + (shares[1] ?? 0) ? 1 : 2;
      return (order[which] ?? 0) + sigma * random.normal();
    });
  };

  it('are told apart by their order in the contrast', () => {
    const t1 = tissuesOf(values([60, 110, 150], 9), 'T1w');
    const t2 = tissuesOf(values([60, 110, 150], 9), 'T2w');
    if ('because' in t1 || 'because' in t2) throw new Error('no tissues');
    for (const name of ['csf', 'grey', 'white'] as const) {
      expect(Math.abs(t1[name].mean - means[name])).toBeLessThan(1);
      expect(Math.abs(t1[name].deviation - 9)).toBeLessThan(0.6);
    }
    expect(t2.white.mean).toBe(t1.csf.mean);
    expect(t2.csf.mean).toBe(t1.white.mean);
  });

  it('are none where there is one tissue, or a contrast of which it is not known', () => {
    expect(tissuesOf(values([100, 100, 100], 9), 'T1w')).toMatchObject({
      because: expect.stringContaining('three tissues'),
    });
    expect(tissuesOf(values([60, 110, 150], 9), 'bold')).toMatchObject({
      because: expect.stringContaining('FLAIR'),
    });
  });
});

describe('a head with three tissues', () => {
  const shape: Vector = [56, 64, 56];
  const affine = centredAffine(shape, [3, 3, 3]);
  const depth = volumeOf(shape, (x, y, z) => Math.hypot((x - 27.5) / 24, (y - 31.5) / 28, (z - 27.5) / 24));
  const sigma = 4;
  const made = (bias: (x: number) => number) => {
    const random = createRandom('head');
    const data = depth.map((distance, at) => {
      if (distance > 1) return magnitude(0, sigma, random);
      const stripe = Math.floor(at / 3) % 7;
      const tissue = stripe < 1 ? 60 : stripe < 4 ? 110 : 150;
      return magnitude(tissue * bias((at % 56) / 55), sigma, random);
    });
    const inside = Uint8Array.from(depth, (distance) => (distance <= 1 ? 1 : 0));
    return measureVolume(subjectOf({ shape, data, affine }, inside), 'T1w');
  };
  const even = made(() => 1);

  it('has the figures that follow from its means and its noise', () => {
    expect(even.cjv).toBeCloseTo((2 * sigma) / 40, 1);
    // Of the air the deviation is that of Rayleigh noise.
    expect(even.cnr).toBeCloseTo(40 / Math.sqrt((2 + 0.429) * sigma ** 2), 0);
    const mean = (60 + 110 + 150) / 3;
    expect(Math.abs(Number(even.snr) - mean / sigma)).toBeLessThan(0.1 * (mean / sigma));
    expect(Math.abs(Number(even.snrd) - mean / sigma)).toBeLessThan(0.1 * (mean / sigma));
    expect(even.inu_range).toBeLessThan(0.08);
  });

  it('shows the bias field that was laid over it', () => {
    const tilted = made((x) => 0.75 + 0.5 * x);
    // 5th to 95th percentile of the field in the head: some 0.36 of the 0.5 across the whole image.
    expect(Number(tilted.inu_range)).toBeGreaterThan(0.22);
    expect(Number(tilted.inu_range)).toBeLessThan(0.5);
    // Tissues are measured once it is taken out.
    expect(Number(tilted.cjv)).toBeLessThan(2 * Number(even.cjv));
  });

  it('has no tissues where it was normalised', () => {
    const data = depth.map((distance) => (distance > 1 ? 0 : -1));
    const inside = Uint8Array.from(depth, (distance) => (distance <= 1 ? 1 : 0));
    const found = measureVolume(subjectOf({ shape, data, affine }, inside), 'T1w');
    expect(found.cjv).toMatchObject({ because: expect.stringContaining('normalised') });
  });

  it('is looked at deep inside and not too far below the crown', () => {
    const inside = Uint8Array.from(depth, (distance) => (distance <= 1 ? 1 : 0));
    const inner = innerHead(inside, shape, affine);
    expect(inner.length).toBeGreaterThan(1000);
    for (const at of inner) {
      const distance = depth[at] ?? 2;
      expect((1 - distance) * 28 * 3).toBeGreaterThan(10);
      expect(Math.floor(at / (56 * 64)) * 3).toBeGreaterThanOrEqual(51 * 3 - 130 - 6);
    }
  });
});

describe('smoothness', () => {
  it.each([1.5, 2.5, 4])('is %f voxels of noise that was smoothed so', (width) => {
    const shape: Vector = [32, 32, 16];
    const data = smoothNoise(shape, width, createRandom('smooth', width));
    const all = new Uint8Array(data.length).fill(1);
    expect(Math.abs(Number(smoothness(data, all, shape)) - width)).toBeLessThan(0.1 * width);
  });

  it('is 0 where neighbours differ more than noise, and the Laplacian is 20 times the variance of white noise', () => {
    const shape: Vector = [64, 64, 1];
    const board = volumeOf(shape, (x, y) => (x + y) % 2);
    const all = new Uint8Array(board.length).fill(1);
    expect(smoothness(board, all, shape)).toBe(0);
    const noise = smoothNoise(shape, 0.01, createRandom('white'));
    expect(Math.abs(Number(laplacian(noise, all, [64, 64])) - 20)).toBeLessThan(1.5);
    const blurred = smoothNoise(shape, 3, createRandom('white'));
    expect(Number(laplacian(blurred, all, [64, 64]))).toBeLessThan(1);
  });
});

describe('the entropy focus criterion', () => {
  it('is 0 of one bright voxel and 1 of an even image', () => {
    const one = new Float32Array(1000);
    one[10] = 7;
    expect(entropyFocus(one)).toBeCloseTo(0, 12);
    expect(entropyFocus(new Float32Array(1000).fill(3))).toBeCloseTo(1, 6);
    expect(entropyFocus(new Float32Array(1000))).toMatchObject({ because: expect.any(String) });
    expect(entropyFocus(Float32Array.of(1, -1, 2))).toMatchObject({
      because: expect.stringContaining('below 0'),
    });
  });
});

describe('a ghost', () => {
  it('is found along its axis alone, with the strength it was made with', () => {
    const shape: Vector = [40, 40, 6];
    const inside = volumeOf(shape, (x, y) => (Math.hypot(x - 19.5, y - 19.5) < 9 ? 1 : 0));
    const mask = Uint8Array.from(inside);
    const data = volumeOf(shape, (x, y, z) => {
      const own = inside[(z * 40 + y) * 40 + x] ? 500 : 10;
      const ghost = inside[(z * 40 + ((y + 20) % 40)) * 40 + x] ? 0.08 * 500 : 0;
      return own + (own === 500 ? 0 : ghost);
    });
    expect(ghostToSignal({ data, head: mask, shape }, 1)).toBeCloseTo(0.08, 2);
    expect(Math.abs(Number(ghostToSignal({ data, head: mask, shape }, 0)))).toBeLessThan(0.02);
  });
});

describe('a series', () => {
  const volumes = 40;
  const random = createRandom('series');
  const data = Float32Array.from({ length: volumes * head.length }, (_, at) =>
    head[at % head.length] ? 400 + 8 * random.normal() : 0,
  );

  it('has the temporal signal to noise and the DVARS of its noise', () => {
    const { tsnr, mean } = overTime({ data, volumes });
    const inside = [...tsnr].filter((_, at) => head[at] === 1).sort((a, b) => a - b);
    expect(Math.abs((inside[inside.length >> 1] ?? 0) - 50)).toBeLessThan(1.5);
    expect(tsnr[0]).toBe(0);
    expect(Math.abs((mean[12 * 24 + 12 + 6 * 576] ?? 0) - 400)).toBeLessThan(6);
    // The difference of two noises has sqrt(2) of its deviation; the head's median is 1000.
    expect(Math.abs(Number(dvars({ data, volumes }, head)) - (Math.SQRT2 * 8 * 1000) / 400)).toBeLessThan(
      0.5,
    );
  });

  it('tells shifts and turns of the head, and its framewise displacement', () => {
    const shape: Vector = [24, 26, 14];
    const voxel: Vector = [3, 3, 4];
    const seen = (dx: number, turn: number) =>
      volumeOf(shape, (i, j, k) => {
        const [x, y, z] = [(i - 11.5) * 3, (j - 12.5) * 3, (k - 6.5) * 4];
        const [c, s] = [Math.cos(turn), Math.sin(turn)];
        const [u, v] = [c * (x - dx) + s * y, -s * (x - dx) + c * y];
        const edge = 1 / (1 + Math.exp((Math.hypot(u / 26, v / 32, z / 22) - 1) * 12));
        return edge * (600 + 150 * Math.sin(u / 7) * Math.cos(v / 9) + 90 * Math.cos(z / 8));
      });
    const frames = [seen(0, 0), seen(0.5, 0), seen(0.5, 0.02), seen(0, 0)];
    const series = { data: Float32Array.from(frames.flatMap((frame) => [...frame])), volumes: 4 };
    const mask = Uint8Array.from(frames[0] ?? [], (value) => (value > 200 ? 1 : 0));
    const found = movements(series, { head: mask, shape, voxel });
    if (!found) throw new Error('no movements');
    expect(Math.abs((found[1]?.[0] ?? 0) - 0.5)).toBeLessThan(0.05);
    expect(Math.abs((found[2]?.[5] ?? 0) - 0.02)).toBeLessThan(0.003);
    const [first = 0, second = 0, third = 0] = framewiseDisplacement(found);
    expect(Math.abs(first - 0.5)).toBeLessThan(0.12);
    expect(Math.abs(second - 50 * 0.02)).toBeLessThan(0.2);
    expect(Math.abs(third - 1.5)).toBeLessThan(0.25);
    expect(
      movements(
        { data: frames[0] ?? new Float32Array(), volumes: 1 },
        { head: mask, shape: [24, 182, 2], voxel },
      ),
    ).toBeUndefined();
  });
});

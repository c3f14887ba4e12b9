import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { factorize, solve } from '../../../src/runtime/base/cholesky.ts';
import { createRandom } from '../../../src/runtime/base/random.ts';
import { squaredDistances } from '../../../src/runtime/statistics/distances.ts';
import { scoreByForest } from '../../../src/runtime/statistics/forest.ts';
import { scoreByKernelMachine } from '../../../src/runtime/statistics/kernel-machine.ts';
import { scoreByNearest } from '../../../src/runtime/statistics/nearest.ts';
import { predictedClass } from '../../../src/runtime/statistics/probabilities.ts';

const ROWS = 120;
const CLASSES = 3;
const FEATURES = 20;

/** Three clouds of bytes that overlap in every feature alone; `signal` 0 makes the labels meaningless. */
function clouds(signal: number) {
  const random = createRandom('clouds', signal);
  const labels = Uint8Array.from({ length: ROWS }, (_, row) => row % CLASSES);
  const features = new Uint8Array(ROWS * FEATURES);
  for (let row = 0; row < ROWS; row++) {
    for (let feature = 0; feature < FEATURES; feature++) {
      const shift = feature % CLASSES === labels[row] ? signal : 0;
      features[feature * ROWS + row] = Math.max(0, Math.min(255, 100 + shift + 25 * random.normal()));
    }
  }
  const train = Int32Array.from({ length: 90 }, (_, at) => at);
  const test = Int32Array.from({ length: 30 }, (_, at) => 90 + at);
  return { data: { features, rows: ROWS, labels, classes: CLASSES }, fold: { train, test } };
}

function rowsOf({ features, rows }: { features: Uint8Array; rows: number }): Float32Array {
  const points = new Float32Array(features.length);
  for (let row = 0; row < rows; row++) {
    for (let feature = 0; feature < FEATURES; feature++) {
      points[row * FEATURES + feature] = (features[feature * rows + row] ?? 0) / 255;
    }
  }
  return points;
}

function accuracy(scores: Float64Array, labels: Uint8Array, test: Int32Array): number {
  const right = [...test].filter((row, at) => predictedClass(scores, at, CLASSES) === labels[row]);
  return right.length / test.length;
}

const CLASSIFIERS = {
  forest: ({ data, fold }: ReturnType<typeof clouds>) => scoreByForest(data, fold, { trees: 60 }),
  'kernel machine': ({ data, fold }: ReturnType<typeof clouds>) =>
    scoreByKernelMachine(squaredDistances(rowsOf(data), ROWS), data, fold),
  'nearest neighbour': ({ data, fold }: ReturnType<typeof clouds>) =>
    scoreByNearest(squaredDistances(rowsOf(data), ROWS), data, fold),
};

describe.each(Object.entries(CLASSIFIERS))('the %s', (_name, score) => {
  it('tells apart what can be told apart', () => {
    const made = clouds(45);
    expect(accuracy(score(made), made.data.labels, made.fold.test)).toBeGreaterThan(0.85);
  });

  it('stays near chance on labels that mean nothing', () => {
    const made = clouds(0);
    expect(accuracy(score(made), made.data.labels, made.fold.test)).toBeLessThan(0.6);
  });

  it('gives the same scores every time', () => {
    expect(score(clouds(10))).toEqual(score(clouds(10)));
  });

  it('gives one finite score a test row and class where all classes were seen', () => {
    const scores = score(clouds(10));
    expect(scores).toHaveLength(30 * CLASSES);
    expect(scores.every(Number.isFinite)).toBe(true);
  });
});

describe('the forest', () => {
  it('fits its training rows and gives shares that sum to 1', () => {
    const { data, fold } = clouds(10);
    const scores = scoreByForest(data, { train: fold.train, test: fold.train }, { trees: 50 });
    expect(accuracy(scores, data.labels, fold.train)).toBe(1);
    for (let row = 0; row < fold.train.length; row++) {
      const sum = scores.subarray(row * CLASSES, (row + 1) * CLASSES).reduce((all, share) => all + share, 0);
      expect(sum).toBeCloseTo(1, 10);
    }
  });

  it('splits large nodes by counting as small ones by sorting', () => {
    const rows = 400;
    const labels = Uint8Array.from({ length: rows }, (_, row) => (row < 200 ? 0 : 1));
    const features = Uint8Array.from({ length: rows }, (_, row) =>
      row < 200 ? row % 100 : 150 + (row % 100),
    );
    const all = Int32Array.from(labels.keys());
    const scores = scoreByForest(
      { features, rows, labels, classes: 2 },
      { train: all, test: all },
      { trees: 3 },
    );
    expect([...all].every((row) => predictedClass(scores, row, 2) === labels[row])).toBe(true);
  });

  it('answers with the shares of the training rows where no feature tells anything', () => {
    const labels = Uint8Array.from([0, 0, 0, 1]);
    const data = { features: new Uint8Array(8).fill(7), rows: 4, labels, classes: 2 };
    const [first = 0, second = 0] = scoreByForest(data, { train: [0, 1, 2, 3], test: [0] }, { trees: 400 });
    expect(first).toBeCloseTo(0.75, 1);
    expect(first + second).toBeCloseTo(1, 10);
  });
});

describe('the kernel machine', () => {
  it('does not favour the larger class where images are alike', () => {
    const labels = Uint8Array.from({ length: 60 }, (_, row) => (row < 50 ? 0 : 1));
    const points = Float32Array.from({ length: 60 }, (_, row) => (row < 50 ? 0 : 1) + 0.01 * (row % 5));
    const fold = { train: Int32Array.from(labels.keys()), test: Int32Array.from([0, 55]) };
    const scores = scoreByKernelMachine(squaredDistances(points, 60), { labels, classes: 2 }, fold);
    expect([predictedClass(scores, 0, 2), predictedClass(scores, 1, 2)]).toEqual([0, 1]);
  });

  /** Of 40 points whose training rows are all of them, the share that is told. */
  const toldOf = (points: Float32Array, labels: Uint8Array, kind: 'linear' | 'gaussian') => {
    const rows = Int32Array.from(labels.keys());
    const data = { labels, classes: 2, kind };
    const scores = scoreByKernelMachine(squaredDistances(points, 40), data, { train: rows, test: rows });
    return rows.filter((row) => predictedClass(scores, row, 2) === labels[row]).length / 40;
  };

  it('of a line tells what a line can part, and no more', () => {
    const corner = (row: number) => [row % 2, Math.floor(row / 2) % 2] as const;
    const points = Float32Array.from({ length: 80 }, (_, at) => corner(Math.floor(at / 2))[at % 2] ?? 0);
    const first = Uint8Array.from({ length: 40 }, (_, row) => corner(row)[0]);
    const either = Uint8Array.from({ length: 40 }, (_, row) => corner(row)[0] ^ corner(row)[1]);
    expect(toldOf(points, first, 'linear')).toBe(1);
    expect(toldOf(points, either, 'gaussian')).toBe(1);
    expect(toldOf(points, either, 'linear')).toBeLessThanOrEqual(0.5);
  });

  it.each(['linear', 'gaussian'] as const)('tells nothing of rows that are all alike (%s)', (kind) => {
    const labels = Uint8Array.from({ length: 40 }, (_, row) => row % 2);
    expect(toldOf(new Float32Array(80).fill(7), labels, kind)).toBe(0.5);
  });
});

it('solves what it factorised (Cholesky)', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.integer(), (size, seed) => {
      const random = createRandom('cholesky', seed);
      const base = Array.from({ length: size }, () => Array.from({ length: size }, () => random.normal()));
      const entry = (a: number, b: number) =>
        (base[a] ?? []).reduce((sum, value, at) => sum + value * (base[b]?.[at] ?? 0), a === b ? 1 : 0);
      const matrix = Float64Array.from({ length: size * size }, (_, at) =>
        entry(Math.floor(at / size), at % size),
      );
      const wanted = Float64Array.from({ length: size }, () => random.normal());
      const right = Float64Array.from({ length: size }, (_, row) =>
        wanted.reduce((sum, value, column) => sum + (matrix[row * size + column] ?? 0) * value, 0),
      );
      const found = solve(factorize(matrix.slice(), size), size, right);
      for (const [at, value] of wanted.entries()) expect(found[at]).toBeCloseTo(value, 6);
    }),
  );
});

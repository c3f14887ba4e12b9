import { describe, expect, it } from 'vitest';
import { noProgress } from '../../../src/runtime/base/logging/progress.ts';
import { createRandom } from '../../../src/runtime/base/random.ts';
import {
  frameFeatures,
  histogramFeatures,
  pixelRows,
  silhouette,
  silhouetteRows,
  sizeFeatures,
  transpose,
} from '../../../src/runtime/learning/controls/features.ts';
import { groupedFolds } from '../../../src/runtime/learning/controls/folds.ts';
import { CONTROL_SIDE, type ControlImage } from '../../../src/runtime/learning/controls/images.ts';
import { runControls } from '../../../src/runtime/learning/controls/run-controls.ts';
import { predictedClass } from '../../../src/runtime/statistics/probabilities.ts';

/** 60 images of two classes that differ by `paint` alone. */
function images(paint: (grey: Uint8Array, label: number) => readonly number[]): ControlImage[] {
  return Array.from({ length: 60 }, (_, at) => {
    const label = at % 2;
    const random = createRandom('control-image', at);
    const grey = Uint8Array.from({ length: CONTROL_SIDE ** 2 }, () => 60 + random.int(80));
    const size = paint(grey, label);
    return { id: `sub-${at}`, group: `group-${Math.floor(at / 4)}`, label, grey, size };
  });
}

async function reached(made: readonly ControlImage[]): Promise<Record<string, number>> {
  const folds = groupedFolds(made, 3, 0);
  const options = { classes: 2, folds, seed: 0, jobs: 2, progress: noProgress };
  const scores = await runControls(made, options);
  const right = (values: Float64Array) =>
    made.filter(({ label }, row) => predictedClass(values, row, 2) === label);
  return Object.fromEntries(
    Object.entries(scores).map(([name, values]) => [name, right(values).length / made.length]),
  );
}

const SIZE = [96, 96, 1];

describe('controls find', () => {
  it('the size, and it alone', async () => {
    const found = await reached(images((_, label) => [96 + 8 * label, 96, 1]));
    expect(found.size).toBe(1);
    expect(found.frame).toBeLessThan(0.75);
    expect(found.forest).toBeLessThan(0.75);
  });

  it('what is in the frame', async () => {
    const found = await reached(
      images((grey, label) => {
        grey.fill(90 + 40 * label, 0, 2 * CONTROL_SIDE);
        return SIZE;
      }),
    );
    expect(found.frame).toBe(1);
    expect(found.size).toBe(0.5);
  });

  it('the outline of the head', async () => {
    const found = await reached(
      images((grey, label) => {
        const half = label === 0 ? 30 : 40;
        for (const at of grey.keys()) {
          const [x, y] = [at % CONTROL_SIDE, Math.floor(at / CONTROL_SIDE)];
          if (Math.abs(x - 48) > half || Math.abs(y - 48) > 36) grey[at] = 0;
        }
        return SIZE;
      }),
    );
    expect(found.silhouette).toBe(1);
    expect(found.frame).toBeLessThan(0.75);
  });

  it('nothing where there is nothing', async () => {
    for (const share of Object.values(await reached(images(() => SIZE)))) expect(share).toBeLessThan(0.75);
  });
});

describe('features', () => {
  const [image] = images(() => [50, 60, 1]) as [ControlImage];

  it('are as many as the control may see', () => {
    expect(sizeFeatures([image])).toHaveLength(3);
    expect(frameFeatures([image])).toHaveLength(96 ** 2 - 88 ** 2);
    expect(histogramFeatures([image])).toHaveLength(32);
    expect(pixelRows([image])).toHaveLength(64 ** 2);
  });

  it('keep the order of sizes, however many there are', () => {
    const many = Array.from({ length: 1000 }, (_, at) => ({ ...image, size: [at + 1, 1, 1] }));
    const widths = sizeFeatures(many).subarray(0, 1000);
    for (let at = 1; at < 1000; at++) expect(widths[at]).toBeGreaterThanOrEqual(widths[at - 1] as number);
    expect([widths[0], widths[999]]).toEqual([0, 255]);
  });

  it('hold a silhouette without holes', () => {
    const grey = new Uint8Array(64 * 64);
    for (const at of grey.keys()) {
      const distance = Math.hypot((at % 64) - 32, Math.floor(at / 64) - 32);
      if (distance < 20 && distance > 8) grey[at] = 200;
    }
    const { cells } = silhouette(grey, 64);
    expect(cells[32 * 64 + 32]).toBe(1);
    expect(cells[0]).toBe(0);
    expect(silhouetteRows(grey)).toEqual(cells);
  });

  it('are turned from rows to columns', () => {
    expect([...transpose(Uint8Array.from([1, 2, 3, 4, 5, 6]), 2)]).toEqual([1, 4, 2, 5, 3, 6]);
  });
});

describe('grouped folds', () => {
  const items = Array.from({ length: 200 }, (_, at) => ({
    group: `g${Math.floor(at / (1 + (at % 3)))}`,
    label: Math.floor(at / 50),
  }));

  it('test every row once, keep groups whole and classes even', () => {
    const folds = groupedFolds(items, 5, 1);
    expect(folds.flatMap(({ test }) => [...Array.from(test)]).sort((a, b) => a - b)).toEqual([
      ...items.keys(),
    ]);
    for (const { train, test } of folds) {
      const trained = new Set(Array.from(train, (row) => items[row]?.group));
      expect(Array.from(test).some((row) => trained.has(items[row]?.group))).toBe(false);
      expect(test.length).toBeGreaterThan(25);
    }
  });

  it('differ by the seed and by nothing else', () => {
    expect(groupedFolds(items, 5, 1)).toEqual(groupedFolds(items, 5, 1));
    expect(groupedFolds(items, 5, 1)).not.toEqual(groupedFolds(items, 5, 2));
  });
});

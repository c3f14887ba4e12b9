import { setImmediate as nextTurn } from 'node:timers/promises';
import { f64At, u8At } from '../../base/at.ts';
import type { Fold } from '../../statistics/labelled.ts';
import { CONTROL_NAMES, type ControlName } from './controls.ts';
import {
  frameFeatures,
  histogramFeatures,
  pixelRows,
  silhouetteRows,
  sizeFeatures,
  transpose,
} from './features.ts';
import type { ControlImage } from './images.ts';
import {
  type ControlAnswer,
  type ControlData,
  type ControlTask,
  type ForestControl,
  runControlTask,
} from './tasks.ts';

/** What is tested on what. */
export interface ControlFolds {
  readonly classes: number;
  /** Rows of the images; each row is tested in one fold at most. */
  readonly folds: readonly Fold[];
  readonly seed: number;
}

/** What each control gave each class, [images, classes]; rows of no test part are zeros. */
export type ControlScores = Readonly<Record<ControlName, Float64Array>>;

const FORESTS: readonly ForestControl[] = ['forest', 'silhouette', 'frame', 'histogram', 'size'];

/** The longest ones first, so that no thread is left alone with one at the end. */
export function controlTasks(folds: readonly Fold[]): ControlTask[] {
  return [{ distances: true }, ...FORESTS.flatMap((control) => folds.map((_, fold) => ({ control, fold })))];
}

/** Trains and tests every control in this thread, which others may use in between. As `runControls`, the same images, folds and seed give the same scores. */
export async function controlsHere(
  images: readonly ControlImage[],
  wish: ControlFolds,
): Promise<ControlScores> {
  const data = prepareControls(images, wish);
  const answers: ControlAnswer[] = [];
  for (const task of controlTasks(wish.folds)) {
    answers.push(...runControlTask(task, data));
    await nextTurn();
  }
  return collectControls(answers, data);
}

export function prepareControls(
  images: readonly ControlImage[],
  { classes, folds, seed }: ControlFolds,
): ControlData {
  const pixels = pixelRows(images);
  return {
    labels: shared(Uint8Array.from(images, ({ label }) => label)),
    classes,
    folds: folds.map(({ train, test }) => ({ train: Int32Array.from(train), test: Int32Array.from(test) })),
    features: {
      size: shared(sizeFeatures(images)),
      frame: shared(frameFeatures(images)),
      histogram: shared(histogramFeatures(images)),
      silhouette: shared(transpose(silhouetteRows(pixels), images.length)),
      forest: shared(transpose(pixels, images.length)),
    },
    pixels: shared(pixels),
    seed,
  };
}

function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

function majority({ labels, classes, folds }: ControlData): ControlAnswer[] {
  return folds.map(({ train, test }, fold) => {
    const counts = new Float64Array(classes);
    for (const row of Array.from(train)) {
      const label = u8At(labels, row);
      counts[label] = f64At(counts, label) + 1;
    }
    const scores = new Float64Array(test.length * classes);
    for (let at = 0; at < test.length; at++) scores.set(counts, at * classes);
    return { control: 'majority', fold, scores };
  });
}

/** Those that the answers hold, and the majority. */
export function collectControls(answers: readonly ControlAnswer[], data: ControlData): ControlScores {
  const { labels, classes, folds } = data;
  const all = Object.fromEntries(
    CONTROL_NAMES.map((name) => [name, new Float64Array(labels.length * classes)]),
  );
  for (const { control, fold, scores } of [...answers, ...majority(data)]) {
    const test = folds[fold]?.test ?? [];
    for (let at = 0; at < test.length; at++) {
      const row = test[at] as number;
      all[control]?.set(scores.subarray(at * classes, (at + 1) * classes), row * classes);
    }
  }
  return all as Record<ControlName, Float64Array>;
}

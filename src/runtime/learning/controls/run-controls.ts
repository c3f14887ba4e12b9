import { f64At, u8At } from '../../base/at.ts';
import { MODULE_EXTENSION } from '../../base/files/module-file.ts';
import type { Progress } from '../../base/logging/progress.ts';
import { mapInThreads } from '../../base/threads/threads.ts';
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
import type { ControlAnswer, ControlData, ControlTask, ForestControl } from './tasks.ts';

export interface ControlRun {
  readonly classes: number;
  /** Rows of the images; each row is tested in one fold at most. */
  readonly folds: readonly Fold[];
  readonly seed: number;
  readonly jobs: number;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** What each control gave each class, [images, classes]; rows of no test part are zeros. */
export type ControlScores = Readonly<Record<ControlName, Float64Array>>;

/** Sources run as .ts, the package as .js; the compiler rewrites imports, but not this name. */
const THREAD = new URL(`./thread${MODULE_EXTENSION}`, import.meta.url);
const FORESTS: readonly ForestControl[] = ['forest', 'silhouette', 'frame', 'histogram', 'size'];

/** Trains and tests every control on the same images and folds as a model, in threads. Same images, folds and seed give the same scores. */
export async function runControls(images: readonly ControlImage[], run: ControlRun): Promise<ControlScores> {
  const { folds, progress, jobs, signal } = run;
  // The longest ones first, so that no thread is left alone with one at the end.
  const tasks: ControlTask[] = [
    { distances: true },
    ...FORESTS.flatMap((control) => folds.map((_, fold) => ({ control, fold }))),
  ];
  let done = 0;
  const onDone = () => progress({ what: 'controls', done: ++done, total: tasks.length });
  const data = prepare(images, run);
  const answers = await mapInThreads<ControlTask, ControlAnswer[]>(tasks, {
    module: THREAD,
    jobs,
    data,
    signal,
    onDone,
  });
  return collect([...answers.flat(), ...majority(data)], data);
}

function prepare(images: readonly ControlImage[], { classes, folds, seed }: ControlRun): ControlData {
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

function collect(answers: readonly ControlAnswer[], { labels, classes, folds }: ControlData): ControlScores {
  const all = Object.fromEntries(
    CONTROL_NAMES.map((name) => [name, new Float64Array(labels.length * classes)]),
  );
  for (const { control, fold, scores } of answers) {
    const test = folds[fold]?.test ?? [];
    for (let at = 0; at < test.length; at++) {
      const row = test[at] as number;
      all[control]?.set(scores.subarray(at * classes, (at + 1) * classes), row * classes);
    }
  }
  return all as Record<ControlName, Float64Array>;
}

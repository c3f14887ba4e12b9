import { squaredDistances } from '../../statistics/distances.ts';
import { scoreByForest } from '../../statistics/forest.ts';
import { scoreByKernelMachine } from '../../statistics/kernel-machine.ts';
import type { Fold } from '../../statistics/labelled.ts';
import { scoreByNearest } from '../../statistics/nearest.ts';
import type { ControlName } from './controls.ts';

/** What the threads share: the features of every image, in shared memory. */
export interface ControlData {
  readonly labels: Uint8Array;
  readonly classes: number;
  readonly folds: readonly Fold[];
  /** By column, for the forests. */
  readonly features: Readonly<Record<ForestControl, Uint8Array>>;
  /** 64 x 64 pixels of each image, by row, for the distances. */
  readonly pixels: Uint8Array;
  readonly seed: number;
}

export type ForestControl = Extract<ControlName, 'size' | 'frame' | 'silhouette' | 'histogram' | 'forest'>;

/** One forest on one fold, or all that needs the distances. */
export type ControlTask =
  | { readonly control: ForestControl; readonly fold: number }
  | { readonly distances: true };

/** Scores [test images of the fold, classes]. */
export interface ControlAnswer {
  readonly control: ControlName;
  readonly fold: number;
  readonly scores: Float64Array;
}

export function runControlTask(task: ControlTask, data: ControlData): ControlAnswer[] {
  const { labels, classes, folds, features, seed } = data;
  const rows = labels.length;
  if ('distances' in task) return distanceControls(data);
  const fold = folds[task.fold];
  if (!fold) return [];
  const labelled = { features: features[task.control], rows, labels, classes };
  return [{ ...task, scores: scoreByForest(labelled, fold, { seed }) }];
}

function distanceControls({ labels, classes, folds, pixels }: ControlData): ControlAnswer[] {
  const points = Float32Array.from(pixels, (grey) => grey / 255);
  const distances = squaredDistances(points, labels.length);
  return folds.flatMap((rows, fold): ControlAnswer[] => [
    { control: 'nearest', fold, scores: scoreByNearest(distances, { labels, classes }, rows) },
    { control: 'kernel', fold, scores: scoreByKernelMachine(distances, { labels, classes }, rows) },
  ]);
}

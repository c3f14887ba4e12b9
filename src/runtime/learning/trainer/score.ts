import { setImmediate as nextTurn } from 'node:timers/promises';
import { flError } from '../../base/errors/errors.ts';
import type { Batch, BatchOptions } from '../dataset/example-set.ts';
import { describeMetrics, emptyConfusion, logLoss, type Metrics } from './confusion.ts';
import { tellProgress } from './settings.ts';

/** Prediction keeps nothing for a backward pass, so its batches may be large. */
const BATCH_SIZE = 128;

/** Pictures of subjects, as an `ImageSet` has them. */
export interface SubjectPictures {
  readonly subjects: readonly { readonly id: string; readonly label: number }[];
  readonly classes: readonly string[];
  readonly size: number;
  readonly options: { readonly mirror: boolean };
  batches(options: BatchOptions & { readonly mirror: boolean }): AsyncGenerator<Batch>;
}

/** Logits [size, classes] of a batch. */
export type Predict = (batch: Batch) => Promise<Float32Array>;

/**
 * Figures of a classifier over the subjects of `data`; a subject's highest probability is the prediction (the first, if two are equal).
 */
export async function scoreSubjects(data: SubjectPictures, predict: Predict): Promise<Metrics> {
  const probabilities = await subjectProbabilities(data, predict);
  const confusion = emptyConfusion(data.classes.length);
  let lossSum = 0;
  for (const [index, { id, label }] of data.subjects.entries()) {
    const own = probabilities[index] ?? new Float64Array();
    const row = confusion[label] ?? [];
    const predicted = own.indexOf(Math.max(...own));
    if (predicted < 0) throw flError('NF_TRAIN_SCORE', { participant: id });
    row[predicted] = (row[predicted] ?? 0) + 1;
    lossSum += logLoss(own[label] ?? 0);
  }
  return describeMetrics(data.classes, confusion, lossSum);
}

/** For each subject the mean of the softmax over its pictures, and over their mirror images where the data say so: one probability a class. */
export async function subjectProbabilities(data: SubjectPictures, predict: Predict): Promise<Float64Array[]> {
  const classes = data.classes.length;
  const scores = data.subjects.map(() => ({ sum: new Float64Array(classes), pictures: 0 }));
  const views = data.options.mirror ? [false, true] : [false];
  let done = 0;
  for (const mirror of views) {
    for await (const batch of data.batches({ batchSize: BATCH_SIZE, mirror })) {
      const logits = await predict(batch);
      for (const [row, owner] of batch.owners.entries()) {
        const score = scores[owner];
        if (!score) continue;
        addSoftmax(score.sum, logits.subarray(row * classes, (row + 1) * classes));
        score.pictures++;
      }
      done += batch.size;
      tellProgress({ phase: 'evaluate', epoch: 1, epochs: 1, done, total: views.length * data.size });
      await nextTurn();
    }
  }
  return scores.map(({ sum, pictures }) => sum.map((value) => value / Math.max(1, pictures)));
}

function addSoftmax(sum: Float64Array, logits: Float32Array): void {
  const highest = Math.max(...logits);
  const powers = Float64Array.from(logits, (logit) => Math.exp(logit - highest));
  const total = powers.reduce((all, power) => all + power, 0);
  for (let index = 0; index < sum.length; index++)
    sum[index] = (sum[index] ?? 0) + (powers[index] ?? 0) / total;
}

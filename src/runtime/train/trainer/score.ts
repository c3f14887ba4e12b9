import { setImmediate as nextTurn } from 'node:timers/promises';
import { flError } from '../../kernel/errors.ts';
import type { Batch, ImageSet } from '../dataset/image-set.ts';
import { describeMetrics, emptyConfusion, logLoss, type Metrics } from '../metrics.ts';
import { tellProgress } from './settings.ts';

/** Prediction keeps nothing for a backward pass, so its batches may be large. */
const BATCH_SIZE = 128;

/**
 * Figures of a classifier over the subjects of `data`. A subject's probabilities are the mean of the softmax over its
 * pictures; the highest one is the prediction (the first, if two are equal).
 * @param predict logits [size, classes] of a batch
 */
export async function scoreSubjects(
  data: ImageSet,
  predict: (batch: Batch) => Promise<Float32Array>,
): Promise<Metrics> {
  const classes = data.classes.length;
  const scores = data.subjects.map(() => ({ sum: new Float64Array(classes), pictures: 0 }));
  let done = 0;
  for await (const batch of data.batches({ batchSize: BATCH_SIZE })) {
    const logits = await predict(batch);
    for (const [row, owner] of batch.owners.entries()) {
      const score = scores[owner];
      if (!score) continue;
      addSoftmax(score.sum, logits.subarray(row * classes, (row + 1) * classes));
      score.pictures++;
    }
    done += batch.size;
    tellProgress({ phase: 'evaluate', epoch: 1, epochs: 1, done, total: data.size });
    await nextTurn();
  }
  const confusion = emptyConfusion(classes);
  let lossSum = 0;
  for (const [index, { id, label }] of data.subjects.entries()) {
    const { sum, pictures } = scores[index] ?? { sum: new Float64Array(classes), pictures: 1 };
    const row = confusion[label] ?? [];
    const predicted = sum.indexOf(Math.max(...sum));
    if (predicted < 0) throw flError('NF_TRAIN_SCORE', { participant: id });
    row[predicted] = (row[predicted] ?? 0) + 1;
    lossSum += logLoss((sum[label] ?? 0) / pictures);
  }
  return describeMetrics(data.classes, confusion, lossSum);
}

function addSoftmax(sum: Float64Array, logits: Float32Array): void {
  const highest = Math.max(...logits);
  const powers = Float64Array.from(logits, (logit) => Math.exp(logit - highest));
  const total = powers.reduce((all, power) => all + power, 0);
  for (let index = 0; index < sum.length; index++)
    sum[index] = (sum[index] ?? 0) + (powers[index] ?? 0) / total;
}

import { flError } from '../../base/errors/errors.ts';
import { elementCount } from '../../base/tensors/nd-array.ts';
import type { TrainBatch, UnitBatch } from './engine.ts';

/** Sizes that a compiled model's batches must have. */
export interface BatchShape {
  /** Of one example, without the batch axis. */
  readonly input: readonly number[];
  readonly output: readonly number[];
  /** Of a full batch. */
  readonly batchSize: number;
}

/**
 * A batch of exactly `rows` examples. Those beyond the given ones repeat these with weight 0: their images are real ones, so
 * that nothing infinite can arise in them and spoil the sum.
 */
export interface PreparedBatch {
  readonly rows: number;
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** Sum to 1, so that the weighted mean is a sum. */
  readonly weights: Float32Array;
  /** One number for each of the last axis of the outputs. */
  readonly logitOffset: Float32Array;
}

/** Checks a batch and fills it up to `rows`. */
export function prepareBatch(batch: TrainBatch, shape: BatchShape, rows: number): PreparedBatch {
  checkBatch(batch, shape);
  return {
    rows,
    x: repeated(batch.x, (batch.x.length / batch.size) * rows),
    y: repeated(batch.y, elementCount(shape.output) * rows),
    weights: filledUp(normalizedWeights(batch), rows),
    logitOffset: batch.logitOffset ?? new Float32Array(logitsOf(shape)),
  };
}

/** Of one position. */
export function logitsOf({ output }: BatchShape): number {
  return output.at(-1) ?? 1;
}

/** @throws NF_ENGINE_BATCH_INVALID for a batch of units that is not of the size compiled for */
export function checkUnitBatch({ x, y, weights }: UnitBatch, { batchSize, input, output }: BatchShape): void {
  checkLength('x', x, batchSize * elementCount(input));
  checkLength('y', y, batchSize * elementCount(output));
  checkLength('weights', weights, batchSize);
}

function repeated(values: Float32Array, length: number): Float32Array {
  if (values.length === length) return values;
  const longer = new Float32Array(length);
  for (let start = 0; start < length; start += values.length) {
    longer.set(values.subarray(0, length - start), start);
  }
  return longer;
}

/** Zeros behind the values, up to a length. */
export function filledUp(values: Float32Array, length: number): Float32Array {
  if (values.length === length) return values;
  const longer = new Float32Array(length);
  longer.set(values);
  return longer;
}

function checkBatch(batch: TrainBatch, shape: BatchShape): void {
  const { size, x, y, weights } = batch;
  if (!Number.isInteger(size) || size < 1 || size > shape.batchSize) {
    throw invalid(`its size is ${size}, it must be a whole number from 1 to ${shape.batchSize}.`);
  }
  checkLength('x', x, size * elementCount(shape.input));
  checkLength('y', y, size * elementCount(shape.output));
  if (weights) checkLength('weights', weights, size);
  if (batch.logitOffset) {
    checkLength('logitOffset', batch.logitOffset, logitsOf(shape));
    if (!batch.logitOffset.every(Number.isFinite))
      throw invalid('its logitOffset has a number that is not finite.');
  }
  if (!Number.isFinite(batch.learningRate) || batch.learningRate < 0) {
    throw invalid(`its learning rate is ${batch.learningRate}, it must be a number of at least 0.`);
  }
  const { proximal = 0 } = batch;
  if (!Number.isFinite(proximal) || proximal < 0) {
    throw invalid(`its proximal weight is ${proximal}, it must be a number of at least 0.`);
  }
}

export function checkLength(name: string, values: Float32Array, expected: number): void {
  if (!(values instanceof Float32Array)) throw invalid(`${name} is not a Float32Array.`);
  if (values.length !== expected)
    throw invalid(`${name} holds ${values.length} numbers instead of ${expected}.`);
}

function normalizedWeights({ weights, size }: TrainBatch): Float32Array {
  if (!weights) return new Float32Array(size).fill(1 / size);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (!weights.every((weight) => weight >= 0) || !(sum > 0) || sum === Number.POSITIVE_INFINITY) {
    throw invalid('its weights must be finite, at least 0, and not all 0.');
  }
  return weights.map((weight) => weight / sum);
}

function invalid(reason: string): Error {
  return flError('NF_ENGINE_BATCH_INVALID', { reason });
}

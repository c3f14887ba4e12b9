import {
  concat,
  reshape,
  type Tensor,
  tensor,
  tidy,
  type Variable,
  variableGrads,
  zerosLike,
} from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { f32At, f64At } from '../../../base/at.ts';
import { elementCount } from '../../../base/tensors/nd-array.ts';
import { type BatchShape, checkUnitBatch } from '../batch.ts';
import type { UnitBatch, UnitGradient } from '../engine.ts';
import { seededNoise, withNoise } from '../noise.ts';
import type { Objective } from '../objective.ts';

interface Subject {
  readonly model: LayersModel;
  readonly objective: Objective;
  readonly variables: readonly Variable[];
  readonly shape: BatchShape;
  readonly units: number;
}

/** One unit after another; each is clipped and rounded in float64. */
export function gradientOfUnits(subject: Subject, batch: UnitBatch): UnitGradient {
  const { shape, units, variables } = subject;
  checkUnitBatch(batch, shape);
  const rows = shape.batchSize / units;
  const sum = new Float64Array(variables.reduce((total, { size }) => total + size, 0));
  const norms = new Float32Array(units);
  for (let unit = 0; unit < units; unit++) {
    const weights = batch.weights.subarray(unit * rows, (unit + 1) * rows);
    if (weights.every((weight) => weight === 0)) continue;
    const gradient = gradientOf(subject, { batch, unit, rows });
    let squares = 0;
    for (let at = 0; at < gradient.length; at++) squares += f32At(gradient, at) ** 2;
    const norm = Math.sqrt(squares);
    norms[unit] = norm;
    const factor = batch.grid / Math.max(norm, batch.clip);
    for (let at = 0; at < sum.length; at++)
      sum[at] = f64At(sum, at) + Math.round(f32At(gradient, at) * factor);
  }
  return { sum: Float32Array.from(sum), norms };
}

function gradientOf(
  { model, objective, variables, shape }: Subject,
  { batch, unit, rows }: { batch: UnitBatch; unit: number; rows: number },
): Float32Array {
  const part = (values: Float32Array, sizes: readonly number[]): Tensor => {
    const size = rows * elementCount(sizes);
    return tensor(values.slice(unit * size, (unit + 1) * size), [rows, ...sizes]);
  };
  const joined = tidy(() => {
    const examples = {
      x: part(batch.x, shape.input),
      y: part(batch.y, shape.output),
      weights: part(batch.weights, []),
    };
    const loss = () => withNoise(seededNoise(batch.seed), () => objective(model, examples));
    const { grads } = variableGrads(loss, [...variables]);
    return concat(variables.map((variable) => reshape(grads[variable.name] ?? zerosLike(variable), [-1])));
  });
  const data = joined.dataSync<'float32'>();
  joined.dispose();
  return data;
}

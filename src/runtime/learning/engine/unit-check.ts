import { f32At } from '../../base/at.ts';
import { flError } from '../../base/errors/errors.ts';
import { createRandom } from '../../base/random.ts';
import { elementCount } from '../../base/tensors/nd-array.ts';
import type { BatchShape } from './batch.ts';
import type { UnitBatch, UnitGradient } from './engine.ts';
import type { mixesExamples } from './model-shape.ts';
import { leafLayers } from './parameters.ts';

type Model = Parameters<typeof mixesExamples>[0];

/** What two ways of clipping may differ by: float32 errs in norms, and rounds a number between two steps of the grid either way. */
const NORMS = 1e-4;
const STEPS = 2;

/** @throws NF_PRIVACY_LAYER where an example's gradient depends on others of its batch, or on no example */
export function requireApart(model: Model): void {
  const layer = leafLayers(model).find(
    (one) => one.getClassName() === 'BatchNormalization' || Reflect.get(one, 'mixesExamples') === true,
  );
  if (layer)
    throw flError('NF_PRIVACY_LAYER', {
      layer: layer.name,
      reason: 'it lets the examples of a batch see one another, so that no gradient is of one person',
      advice: 'Use group normalisation (groupNormalization) in its place.',
    });
  const [regularised] = model.layers.filter(({ losses }) => losses.length > 0);
  if (regularised)
    throw flError('NF_PRIVACY_LAYER', {
      layer: regularised.name,
      reason: "its regulariser is no part of anybody's gradient",
      advice: 'Use weightDecay of the optimizer, which is added after the noise.',
    });
}

/** Probe units of noise: as many as a batch has, of which the last fill up. */
export function probeBatch(
  shape: BatchShape,
  of: { units: number; rowsPerUnit: number; clip: number; grid: number },
): UnitBatch {
  const random = createRandom('unit-check', shape.batchSize);
  const rows = of.units * of.rowsPerUnit;
  const outputs = elementCount(shape.output);
  const x = Float32Array.from({ length: rows * elementCount(shape.input) }, () => random.normal());
  const y = new Float32Array(rows * outputs);
  for (let row = 0; row < rows; row++) y[row * outputs + random.int(outputs)] = 1;
  const probes = Math.min(PROBES, of.units) * of.rowsPerUnit;
  const weights = Float32Array.from({ length: rows }, (_, row) => (row < probes ? 1 / of.rowsPerUnit : 0));
  return { x, y, weights, clip: of.clip, grid: of.grid, seed: 0 };
}

const PROBES = 3;

/** @throws NF_PRIVACY_GRADIENT where the gradients of units are not those of one unit after another */
export function requireSame(fast: UnitGradient, reference: UnitGradient): void {
  const refuse = (what: string) => flError('NF_PRIVACY_GRADIENT', { what });
  for (let unit = 0; unit < reference.norms.length; unit++) {
    const [found, wanted] = [f32At(fast.norms, unit), f32At(reference.norms, unit)];
    if (!(Math.abs(found - wanted) <= NORMS * wanted + 1e-12))
      throw refuse(`the norm of a gradient is ${found} in place of ${wanted}`);
  }
  for (let at = 0; at < reference.sum.length; at++) {
    const [found, wanted] = [f32At(fast.sum, at), f32At(reference.sum, at)];
    if (!(Math.abs(found - wanted) <= STEPS))
      throw refuse(`number ${at} of the sum is ${found} in place of ${wanted}`);
  }
}

import { setImmediate as nextTurn } from 'node:timers/promises';
import { f32At, f64At } from '../../base/at.ts';
import { flError } from '../../base/errors/errors.ts';
import { elementCount, type ParamSet } from '../../base/tensors/nd-array.ts';
import { requireDelta } from '../../job/privacy.ts';
import { PrivateSteps } from '../../privacy/private-steps.ts';
import type { SecretRandom } from '../../privacy/secret-random.ts';
import type { ImageSet, Row } from '../dataset/image-set.ts';
import { filledUp } from '../engine/batch.ts';
import type { CompiledModel, UnitBatch, UnitOptions } from '../engine/engine.ts';
import { noteGroups, type PrivateTerms, takeSteps } from './private-settings.ts';
import { tellProgress } from './settings.ts';

/** Memory of the gradients of a batch's groups, and the most groups in one. */
const MOST_BYTES = 256 * 2 ** 20;
const MOST_UNITS = 32;

/** How many groups are worked off at a time: those that were drawn, in as many batches of this size as it takes. */
export function unitsFor(
  params: ParamSet,
  trainable: readonly string[],
  { rowsPerGroup }: PrivateTerms,
): UnitOptions {
  const bytes = 8 * countOf(params, trainable);
  return {
    units: Math.max(1, Math.min(MOST_UNITS, Math.floor(MOST_BYTES / bytes))),
    rowsPerUnit: rowsPerGroup,
  };
}

/** Numbers in these arrays. */
export function countOf(params: ParamSet, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + elementCount(params[name]?.shape ?? []), 0);
}

/** Examples whose people are known. */
type Grouped = Pick<ImageSet, 'groups' | 'show'>;

/** @throws NF_PRIVACY_UNPROTECTED where examples are of nobody in particular */
export function requireGroups(data: object): Grouped {
  if (isGrouped(data)) return data;
  throw flError('NF_PRIVACY_UNPROTECTED', { reason: 'its examples are not told apart by people' });
}

function isGrouped(data: object): data is Grouped {
  return 'groups' in data && 'show' in data;
}

interface Training {
  readonly model: CompiledModel;
  readonly data: Grouped;
  readonly terms: PrivateTerms;
  readonly units: UnitOptions;
  /** Numbers that are trained. */
  readonly parameters: number;
  readonly rate: (step: number) => number;
  readonly proximal: number | undefined;
}

/**
 * The steps of one task: each draws groups, clips the gradient of each, adds noise, and goes by the mean.
 * @throws NF_PRIVACY_DELTA, NF_PRIVACY_UNPROTECTED
 */
export async function trainPrivately(training: Training): Promise<{ readonly steps: number }> {
  const { model, data, terms, rate, proximal, parameters } = training;
  const { groups } = data;
  const { site, steps, random } = takeSteps();
  requireDelta(terms, [{ name: site, groups: groups.length }]);
  noteGroups(groups.length);
  const { noise: sigma, clip, samplingRate } = terms;
  const mechanism = new PrivateSteps(
    { groups: groups.length, rate: samplingRate, sigma, clip, parameters },
    random,
  );
  for (let step = 0; step < steps; step++) {
    const drawn = mechanism.draw().flatMap((group) => [groups[group] ?? []]);
    const sum = await clippedSum(training, { drawn, random, grid: mechanism.grid.perClip });
    await model.applyGradient(mechanism.release(sum), {
      learningRate: rate(step),
      ...(proximal !== undefined && { proximal }),
    });
    // Steps alone: how many groups were drawn is secret, and so is a loss.
    tellProgress({ phase: 'fit', epoch: 1, epochs: 1, done: step + 1, total: steps });
    await nextTurn();
  }
  return { steps };
}

interface Drawn {
  /** Pictures of each group. */
  readonly drawn: readonly (readonly number[])[];
  readonly random: SecretRandom;
  readonly grid: number;
}

async function clippedSum(training: Training, { drawn, random, grid }: Drawn): Promise<Float64Array> {
  const {
    model,
    units: { units },
    parameters,
    terms,
  } = training;
  const sum = new Float64Array(parameters);
  for (let start = 0; start < drawn.length; start += units) {
    const batch = await unitBatch(training, { drawn: drawn.slice(start, start + units), random, grid });
    let given = await model.unitGradient(batch);
    const unfit = [...given.norms].flatMap((norm, unit) => (Number.isFinite(norm) ? [] : [unit]));
    if (unfit.length > 0) {
      // A gradient that is no number counts as none: a failure would tell of whose pictures it is.
      given = await model.unitGradient(without(batch, unfit, terms.rowsPerGroup));
      if (!given.norms.every(Number.isFinite)) continue;
    }
    for (let at = 0; at < sum.length; at++) sum[at] = f64At(sum, at) + f32At(given.sum, at);
  }
  return sum;
}

async function unitBatch(
  { data, units: { units, rowsPerUnit }, terms }: Training,
  { drawn, random, grid }: Drawn,
): Promise<UnitBatch> {
  const rows = drawn.flatMap((pictures) => rowsOf(pictures, rowsPerUnit, random));
  const { x, y } = await data.show(rows);
  const [picture, classes] = [x.length / rows.length, y.length / rows.length];
  const full = units * rowsPerUnit;
  return {
    x: filledUp(x, full * picture),
    y: filledUp(y, full * classes),
    weights: filledUp(new Float32Array(rows.length).fill(1 / rowsPerUnit), full),
    clip: terms.clip,
    grid,
    seed: seedOf(random),
  };
}

/** Pictures of a group for a step: each once before any comes twice, changed in another way each time. */
function rowsOf(pictures: readonly number[], count: number, random: SecretRandom): Row[] {
  const order = [...pictures];
  return Array.from({ length: count }, (_, at) => {
    const place = at % order.length;
    const pick = place + Math.floor(random.uniform() * (order.length - place));
    [order[place], order[pick]] = [order[pick] ?? 0, order[place] ?? 0];
    return { example: order[place] ?? 0, seed: seedOf(random) };
  });
}

function seedOf(random: SecretRandom): number {
  return Math.floor(random.uniform() * 2 ** 32);
}

function without(batch: UnitBatch, units: readonly number[], rowsPerUnit: number): UnitBatch {
  const size = batch.x.length / batch.weights.length;
  const [x, weights] = [batch.x.slice(), batch.weights.slice()];
  for (const unit of units) {
    x.fill(0, unit * rowsPerUnit * size, (unit + 1) * rowsPerUnit * size);
    weights.fill(0, unit * rowsPerUnit, (unit + 1) * rowsPerUnit);
  }
  return { ...batch, x, weights };
}

import {
  add,
  addN,
  clipByValue,
  div,
  maximum,
  mul,
  type Scalar,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { flError } from '../../base/errors/errors.ts';
import type {
  AdamOptions,
  CompileOptions,
  MomentumOptions,
  OptimizerOptions,
  RmspropOptions,
  TrainBatch,
} from './engine.ts';

/** What the update of a step needs and the step's number and options determine, each as a scalar input. */
export type StepScalars = Readonly<Record<string, number>>;
export type ScalarTensors = Readonly<Record<string, Scalar>>;

export interface UpdateInputs {
  readonly weight: Tensor;
  readonly gradient: Tensor;
  /** State of the optimizer, of the weight's shape; zeros at the start. */
  readonly slots: readonly Tensor[];
  /** Centre of the proximal term. */
  readonly anchor?: Tensor | undefined;
  /** What is added to the gradient. */
  readonly correction?: Tensor | undefined;
  readonly scalars: ScalarTensors;
}

export interface UpdateOutputs {
  readonly weight: Tensor;
  readonly slots: readonly Tensor[];
}

/** An optimizer as mathematics on one tensor, so that a model's weights may be held apart or in one piece. */
export interface Optimizer {
  readonly slotCount: number;
  readonly usesAnchor: boolean;
  readonly usesCorrection: boolean;
  /** @param step number of the step, from 1 */
  scalars(step: number, batch: Pick<TrainBatch, 'learningRate' | 'proximal'>): StepScalars;
  /** The gradients of a step, clipped: in one piece, or all of them, since their norm is one. */
  clip(gradients: readonly Tensor[]): Tensor[];
  update(inputs: UpdateInputs): UpdateOutputs;
}

export function createOptimizer(options: Omit<CompileOptions, 'batchSize'>): Optimizer {
  const { optimizer, proximal = 0, corrected = false } = options;
  checkAtLeastZero('proximal', proximal);
  const decay = optimizer.weightDecay ?? (optimizer.kind === 'adamw' ? 0.01 : 0);
  checkAtLeastZero('weightDecay', decay);
  const rule = ruleOf(optimizer);
  return {
    slotCount: rule.slotCount,
    usesAnchor: proximal > 0,
    usesCorrection: corrected,
    scalars: (step, batch) => ({
      ...rule.scalars(step),
      learningRate: batch.learningRate,
      ...(decay > 0 && { keep: 1 - batch.learningRate * decay }),
      ...(proximal > 0 && { proximal: batch.proximal ?? proximal }),
    }),
    clip: clipper(options),
    update: (inputs) => {
      const { weight, anchor, correction, scalars } = inputs;
      const pull = anchor && mul(sub(weight, anchor), scalar(scalars, 'proximal'));
      const terms = [pull, correction].filter((term) => term !== undefined);
      const gradient = terms.length > 0 ? addN([inputs.gradient, ...terms]) : inputs.gradient;
      const { step, slots } = rule.update({ ...inputs, gradient });
      const kept = decay > 0 ? mul(weight, scalar(scalars, 'keep')) : weight;
      return { weight: sub(kept, mul(step, scalar(scalars, 'learningRate'))), slots };
    },
  };
}

function clipper({ clipNorm, clipValue }: Pick<CompileOptions, 'clipNorm' | 'clipValue'>): Optimizer['clip'] {
  for (const [name, limit] of Object.entries({ clipNorm, clipValue })) {
    if (limit !== undefined && !(limit > 0)) throw optionError(name, 'a number over 0', limit);
  }
  return (gradients) => {
    const held =
      clipValue === undefined
        ? [...gradients]
        : gradients.map((gradient) => clipByValue(gradient, -clipValue, clipValue));
    if (clipNorm === undefined) return held;
    const norm = sqrt(addN(held.map((gradient) => sum(square(gradient)))));
    const factor = div(clipNorm, maximum(norm, clipNorm));
    return held.map((gradient) => mul(gradient, factor));
  };
}

/** The direction of a step, still to be multiplied by the learning rate. */
interface Rule {
  readonly slotCount: number;
  scalars(step: number): StepScalars;
  update(inputs: UpdateInputs): { step: Tensor; slots: readonly Tensor[] };
}

function ruleOf(options: OptimizerOptions): Rule {
  if (options.kind === 'sgd') return SGD;
  if (options.kind === 'momentum') return momentum(options);
  if (options.kind === 'rmsprop') return rmsprop(options);
  return adam(options);
}

const SGD: Rule = {
  slotCount: 0,
  scalars: () => ({}),
  update: ({ gradient }) => ({ step: gradient, slots: [] }),
};

function momentum(options: MomentumOptions): Rule {
  const factor = options.momentum ?? 0.9;
  checkFraction('momentum', factor);
  return {
    slotCount: 1,
    scalars: () => ({}),
    update: ({ gradient, slots }) => {
      const velocity = add(mul(slot(slots, 0), factor), gradient);
      return { step: options.nesterov ? add(gradient, mul(velocity, factor)) : velocity, slots: [velocity] };
    },
  };
}

function rmsprop({ decay = 0.9, momentum: factor = 0, epsilon = 1e-7 }: RmspropOptions): Rule {
  checkFraction('decay', decay);
  checkFraction('momentum', factor);
  checkAtLeastZero('epsilon', epsilon);
  return {
    slotCount: factor > 0 ? 2 : 1,
    scalars: () => ({}),
    update: ({ gradient, slots }) => {
      const squares = add(mul(slot(slots, 0), decay), mul(square(gradient), 1 - decay));
      const step = div(gradient, sqrt(add(squares, epsilon)));
      if (factor === 0) return { step, slots: [squares] };
      const velocity = add(mul(slot(slots, 1), factor), step);
      return { step: velocity, slots: [squares, velocity] };
    },
  };
}

function adam(options: AdamOptions): Rule {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = options;
  checkFraction('beta1', beta1);
  checkFraction('beta2', beta2);
  checkAtLeastZero('epsilon', epsilon);
  return {
    slotCount: 2,
    scalars: (step) => ({ correction1: 1 / (1 - beta1 ** step), correction2: 1 / (1 - beta2 ** step) }),
    update: ({ gradient, slots, scalars }) => {
      const first = add(mul(slot(slots, 0), beta1), mul(gradient, 1 - beta1));
      const second = add(mul(slot(slots, 1), beta2), mul(square(gradient), 1 - beta2));
      const mean = mul(first, scalar(scalars, 'correction1'));
      const deviation = sqrt(mul(second, scalar(scalars, 'correction2')));
      return { step: div(mean, add(deviation, epsilon)), slots: [first, second] };
    },
  };
}

function slot(slots: readonly Tensor[], index: number): Tensor {
  const tensor = slots[index];
  if (!tensor) throw new Error(`The optimizer's slot ${index} is missing`);
  return tensor;
}

function scalar(scalars: ScalarTensors, name: string): Scalar {
  const tensor = scalars[name];
  if (!tensor) throw new Error(`The step's scalar ${name} is missing`);
  return tensor;
}

function checkFraction(option: string, value: number): void {
  if (!(value >= 0 && value < 1)) throw optionError(option, 'at least 0 and below 1', value);
}

function checkAtLeastZero(option: string, value: number): void {
  if (!(value >= 0 && Number.isFinite(value))) throw optionError(option, 'a number of at least 0', value);
}

export function optionError(option: string, expected: string, actual: unknown): Error {
  return flError('NF_ENGINE_OPTION_INVALID', { option, expected, actual: String(actual) });
}

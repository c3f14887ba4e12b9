import { dispose, type Tensor } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { flError } from '../../base/errors/errors.ts';
import { functionWithFallback } from './eager-fallback.ts';
import { adoptFunction } from './model-pool.ts';
import { currentEngine } from './settings.ts';

/** What tfjs-layers 4.22 has within a model for `trainOnBatch` (`engine/training.ts`). */
interface Trainable {
  standardizeUserData(x: unknown, y: unknown): Promise<[Tensor[], Tensor[]]>;
  /** Inputs and targets to the loss and the metrics; one step of the optimizer. */
  makeTrainFunction(): (data: Tensor[]) => Tensor[];
}

export interface AccelerateOptions {
  /** As in `compile`. Default false. */
  readonly allowEager?: boolean;
  /** Of noise layers. Default 0. */
  readonly seed?: number;
}

/**
 * Lets `trainOnBatch` of a model that was compiled with tfjs's `model.compile` run on the run's engine: same arguments, same
 * results, as one graph. Everything else of the model stays tfjs's; its weights are up to date after each step.
 *
 * @throws NF_TRAIN_NOT_COMPILED; at the first step NF_ENGINE_*
 * @example model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy' }); await accelerate(model);
 */
export async function accelerate(model: LayersModel, options: AccelerateOptions = {}): Promise<void> {
  if (!model.optimizer) throw flError('NF_TRAIN_NOT_COMPILED', { name: model.name });
  const engine = await currentEngine();
  // A Sequential hands everything to a model inside.
  const inner = (Reflect.get(model, 'model') ?? model) as Trainable;
  const step = functionWithFallback(engine, (...data) => inner.makeTrainFunction()(data), options);
  adoptFunction(step);
  model.trainOnBatch = async (x, y) => {
    const [inputs, targets] = await inner.standardizeUserData(x, y);
    const results = (await step(...inputs, ...targets)) as Tensor[];
    const values = results.map((result) => result.dataSync()[0] ?? Number.NaN);
    const given = new Set<unknown>([x, y].flatMap((part) => (isRecord(part) ? Object.values(part) : part)));
    dispose([...results, ...inputs.filter((t) => !given.has(t)), ...targets.filter((t) => !given.has(t))]);
    return values.length === 1 ? (values[0] ?? Number.NaN) : values;
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return Object.getPrototypeOf(value) === Object.prototype;
}

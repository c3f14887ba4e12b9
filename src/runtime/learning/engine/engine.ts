import type { Tensor } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { ParamSet } from '../../base/tensors/nd-array.ts';
import type { EngineName } from '../../job/engine-choice.ts';
import type { StepFunction, StepResult } from './trace/trace-function.ts';

export const ENGINE_BUILDS = ['native', 'wasm', 'javascript'] as const;
export type EngineDevice = 'cpu' | 'gpu';

/** What computes, and why it was chosen; goes into the log and the result of a run. */
export interface EngineInfo {
  readonly name: EngineName;
  readonly device: EngineDevice;
  /** Package that computes, e.g. `onnxruntime-node`. */
  readonly library: string;
  readonly version: string;
  readonly build: (typeof ENGINE_BUILDS)[number];
  /** What computes on a GPU: `cuda`, `webgpu`. */
  readonly provider?: string;
  /** Number of the GPU. */
  readonly gpu?: number;
  /** Threads inside one operation. */
  readonly threads: number;
  /** Why this engine, on this device: one sentence. */
  readonly reason: string;
}

/**
 * Trains tf.LayersModels. Same model, options, batches and seeds give the same bits on one engine and class of CPU,
 * from run to run, in any thread; engines agree among themselves to rounding.
 */
export interface Engine {
  readonly name: EngineName;
  readonly device: EngineDevice;
  describe(): EngineInfo;
  /**
   * Makes a model ready for training and prediction. The model has one input and one output [N, ...]; its
   * present weights are the starting parameters. From here on its variables belong to the compiled model: read
   * parameters with `getParams`, not from the LayersModel.
   *
   * @throws NF_ENGINE_MODEL_INVALID, NF_ENGINE_KERNEL_UNMAPPED, NF_ENGINE_RANDOM_UNSEEDED
   */
  compile(model: LayersModel, options: CompileOptions): Promise<CompiledModel>;
  /**
   * Makes a function of tensors fast, whatever it computes: `() => optimizer.minimize(lossFunction, true)`. Traced at the first call with
   * each combination of input shapes. Variables (those of models and optimizers too) stay the caller's and are up to date
   * after each call; learning rates are read from tfjs's optimizers at each call.
   */
  compileFunction(work: StepFunction, options?: FunctionOptions): CompiledFunction;
}

export interface FunctionOptions {
  /** Seed of noise layers; each call draws anew. Default 0. */
  readonly seed?: number;
}

export interface CompiledFunction {
  /**
   * @returns what the function gives, in tensors of the caller
   * @throws NF_ENGINE_KERNEL_UNMAPPED, NF_ENGINE_KERNEL_VARIANT, NF_ENGINE_VALUE_READ, NF_ENGINE_RANDOM_UNSEEDED, NF_ENGINE_FUNCTION_*
   */
  (...inputs: Tensor[]): Promise<StepResult>;
  /** How many graphs were made; 0 on engines that make none. */
  graphCount(): number;
  dispose(): void;
}

export interface CompileOptions {
  /** Images of a full batch; smaller ones are allowed at every call. */
  readonly batchSize: number;
  readonly optimizer: OptimizerOptions;
  readonly loss?: LossOptions;
  /** Weight of FedProx's term mu/2 |w - w0|^2 (Li et al. 2020), w0 being the parameters last set. Default 0: none. */
  readonly proximal?: number;
  /** Adds what `setCorrection` was given to the gradient, as SCAFFOLD does (Karimireddy et al. 2020). Default false. */
  readonly corrected?: boolean;
  /** Scales the gradient down to this norm over all trainable weights (Pascanu et al. 2013), before all other terms. */
  readonly clipNorm?: number;
  /** Holds every element of the gradient between minus and plus this, before `clipNorm`. */
  readonly clipValue?: number;
  /** For gradients of units (`unitGradient`, `applyGradient`) in place of steps. */
  readonly units?: UnitOptions;
}

/** A unit is what is protected, a person: some rows of a batch, whose mean gradient is clipped. */
export interface UnitOptions {
  /** Units in a batch. */
  readonly units: number;
  /** `batchSize` is as many rows for each unit. */
  readonly rowsPerUnit: number;
  /** One unit after another: slow, and takes any model whose examples do not see one another. Default false. */
  readonly oneByOne?: boolean;
}

export interface UnitBatch {
  /** [units * rowsPerUnit, ...input shape], unit by unit. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** [units * rowsPerUnit]: those of a unit add up to 1, or are all 0 where a unit only fills up. */
  readonly weights: Float32Array;
  /** Longest gradient of a unit, in the L2 norm. */
  readonly clip: number;
  /** Steps of the grid in that length. */
  readonly grid: number;
  /** Of dropout and noise layers. */
  readonly seed: number;
}

export interface UnitGradient {
  /** Clipped gradients, rounded to the grid and added up: whole numbers, by trainable parameter in order. */
  readonly sum: Float32Array;
  /** Before clipping, by unit; not finite where a unit's gradient is not, and then `sum` means nothing. They never leave a site. */
  readonly norms: Float32Array;
}

export type OptimizerOptions = SgdOptions | MomentumOptions | AdamOptions | RmspropOptions;

export interface SgdOptions {
  readonly kind: 'sgd';
  /** Decoupled: each step also takes learningRate * weightDecay * w from every trainable weight. Default 0. */
  readonly weightDecay?: number;
}

/** v = momentum * v + g; w -= learningRate * v, or with Nesterov's look-ahead g + momentum * v. */
export interface MomentumOptions {
  readonly kind: 'momentum';
  /** Default 0.9. */
  readonly momentum?: number;
  readonly nesterov?: boolean;
  readonly weightDecay?: number;
}

/** Kingma and Ba (2015), with bias correction; `adamw` (Loshchilov and Hutter 2019) is the same with a decay of 0.01. */
export interface AdamOptions {
  readonly kind: 'adam' | 'adamw';
  /** Defaults 0.9, 0.999, 1e-7. */
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Default 0 for `adam`, 0.01 for `adamw`. */
  readonly weightDecay?: number;
}

/** s = decay * s + (1 - decay) g^2; w -= learningRate * g / sqrt(s + epsilon) (Tieleman and Hinton 2012), as in tfjs. */
export interface RmspropOptions {
  readonly kind: 'rmsprop';
  /** Default 0.9. */
  readonly decay?: number;
  /** Of a velocity over these steps. Default 0: none. */
  readonly momentum?: number;
  /** Default 1e-7. */
  readonly epsilon?: number;
  readonly weightDecay?: number;
}

/** A loss for each example; the step's is their mean weighted by the examples' weights. */
export type LossOptions =
  /** Over the last axis of logits, as a mean over positions where there are any. */
  | {
      readonly kind: 'softmax-cross-entropy';
      readonly labelSmoothing?: number;
      /** Adds `logitOffset` of each batch to the logits, as logit adjustment does (Menon et al. 2021). Default false. */
      readonly adjusted?: boolean;
    }
  /** For each logit apart, as a mean: labels that do not exclude one another. */
  | { readonly kind: 'sigmoid-cross-entropy'; readonly labelSmoothing?: number }
  | { readonly kind: 'mean-squared-error' }
  /** Soft Dice of logits [N, ..., channels], for segmentation. */
  | { readonly kind: 'dice' }
  /** Softmax cross entropy plus soft Dice of all channels but the first, the background (Isensee et al., "nnU-Net", 2021). */
  | { readonly kind: 'dice-cross-entropy' }
  /** Outputs and targets [N, ...] to losses [N], in operations of TensorFlow.js. */
  | { readonly kind: 'custom'; readonly perExample: (outputs: Tensor, targets: Tensor) => Tensor };

export interface TrainBatch {
  /** Images in row-major order, [size, ...input shape]. */
  readonly x: Float32Array;
  /** Targets, [size, ...output shape]: one-hot or soft labels for a classifier. */
  readonly y: Float32Array;
  /** One weight an example, >= 0 and not all 0; default 1. */
  readonly weights?: Float32Array;
  /** Examples in this batch, 1 to `batchSize`. */
  readonly size: number;
  readonly learningRate: number;
  /** In place of the `proximal` compiled with, which must be over 0 then. */
  readonly proximal?: number;
  /** What is added to the logits, one number for each of the last axis; only with a loss that is `adjusted`. Default: zeros. */
  readonly logitOffset?: Float32Array;
  /** Seed of everything random in this step (dropout, noise layers). */
  readonly seed: number;
}

export interface CompiledModel {
  /**
   * One step of the optimizer. A smaller batch gives the step it would give alone: padded with examples of weight 0
   * where examples do not see one another, and with a graph of its own size where they do (batch normalisation, and
   * layers of the user with a property `mixesExamples = true`).
   *
   * @returns the loss before the step, with the model's own regularisers, without the proximal term
   * @throws NF_ENGINE_BATCH_INVALID
   */
  trainStep(batch: TrainBatch): Promise<number>;
  /** Outputs [size, ...] in inference mode, logits for a classifier; any size, worked off in batches. */
  predict(x: Float32Array, size: number): Promise<Float32Array>;
  /** All weights, trainable or not, copied. Names follow from the model alone (`parameterNames`). */
  getParams(): ParamSet;
  /**
   * Replaces all weights, sets the proximal term's centre to them and the optimizer's state to its start.
   *
   * @throws NF_TENSORS_NAMES, NF_TENSORS_SHAPE (shape or dtype), NF_TENSORS_NOT_FINITE, NF_TENSORS_INVALID; nothing is changed then
   */
  setParams(params: ParamSet): void;
  /**
   * What is added to the gradient from now on, by trainable parameter; undefined sets it back to 0. Only with `corrected`.
   *
   * @throws NF_TENSORS_*, NF_ENGINE_OPTION_INVALID
   */
  setCorrection(correction: ParamSet | undefined): void;
  /**
   * The gradients of units, clipped and added up, without regularisers of the model. Only with `units`.
   *
   * @throws NF_ENGINE_BATCH_INVALID
   */
  unitGradient(batch: UnitBatch): Promise<UnitGradient>;
  /** One step of the optimizer by this gradient, by trainable parameter in order. Only with `units`. */
  applyGradient(gradient: Float32Array, step: Pick<TrainBatch, 'learningRate' | 'proximal'>): Promise<void>;
  dispose(): void;
}

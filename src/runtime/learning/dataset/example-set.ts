import type { Sampling } from './order.ts';

/** Examples ready for an engine. */
export interface Batch {
  /** [size, ...input of the model]: of pictures [size, imageSize, imageSize, channels], see `standardize`. */
  readonly x: Float32Array;
  /** [size, ...output of the model]: one-hot, of each picture or of each voxel. */
  readonly y: Float32Array;
  readonly size: number;
  /** For each example, the index in `subjects` of whom it shows. */
  readonly owners: readonly number[];
}

export interface BatchOptions {
  readonly batchSize: number;
  /** Draws by `sampling` and augments, a different way for each seed; without it every example comes once, in order, as it is. */
  readonly seed?: number;
}

/** What is known of a model, to hold data against it. */
export interface ModelForm {
  readonly name: string;
  /** Of one example, channels last. */
  readonly input: readonly number[];
  readonly output: readonly number[];
  /** Names of its classes or labels; undefined for a model that names none. */
  readonly names: readonly string[] | undefined;
}

/** A frozen network, and in how many ways training examples are shown to it. */
export interface FrozenView {
  readonly network: FrozenFeatures;
  readonly views: number | undefined;
}

/** What a frozen network makes of an example. */
export interface FrozenFeatures {
  /** Equal where equal examples have equal features, to the last bit. */
  readonly id: string;
  /** Of the features of an example. */
  readonly shape: readonly number[];
  features(example: Float32Array): Promise<Float32Array>;
}

/** Outputs [size, ...output] of a model for `size` examples. */
export type PredictExamples = (x: Float32Array, size: number) => Promise<Float32Array>;

/**
 * One part of a site's data as a task of learning has it (`ImageSet`: classification, `VolumeSet`: segmentation): what a trainer trains on, and
 * how a model is scored on it. A new task is a class of this form.
 */
export interface ExampleSet<Report> {
  /** Examples that one epoch shows. FedAvg weights a site by the size of its training set. */
  readonly size: number;
  /** Examples of a step, unless the trainer says otherwise. */
  readonly options: { readonly batchSize: number; readonly sampling?: Sampling };
  /** Examples of each class, in the order of the outputs, where an example has one. */
  readonly classCounts?: readonly number[];
  batches(options: BatchOptions): AsyncGenerator<Batch>;
  /** @throws NF_TRAIN_*, NF_MODEL_* where a model does not take these examples, or has other outputs */
  requireFit(model: ModelForm): void;
  /** The same examples by their features; undefined where a task has none. */
  seenBy?(view: FrozenView): ExampleSet<Report>;
  /** Figures of a model on these examples, which sites' sums are made of. */
  score(predict: PredictExamples): Promise<Report>;
}

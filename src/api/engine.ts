export type { CompiledFunction } from '../runtime/engine/engine.ts';
export { groupNormalization } from '../runtime/engine/layers/group-normalization.ts';
export { compile } from '../runtime/train/trainer/compile.ts';
export type { TrainerOptions } from '../runtime/train/trainer/options.ts';
export { accelerate } from '../runtime/train/trainer/train-on-batch.ts';
export type { FitOptions, FitResult, Trainer } from '../runtime/train/trainer/trainer.ts';

export type { CompiledFunction } from '../runtime/learning/engine/engine.ts';
export { groupNormalization } from '../runtime/learning/engine/layers/group-normalization.ts';
export { compile } from '../runtime/learning/trainer/compile.ts';
export type { TrainerOptions } from '../runtime/learning/trainer/options.ts';
export { accelerate } from '../runtime/learning/trainer/train-on-batch.ts';
export type { FitOptions, FitResult, Trainer } from '../runtime/learning/trainer/trainer.ts';

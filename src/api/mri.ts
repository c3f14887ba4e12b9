export { type Confusion, type Metrics, poolMetrics } from '../runtime/statistics/confusion.ts';
export { type AugmentOptions, MILD } from '../runtime/train/dataset/augment.ts';
export type { Batch, BatchOptions, ImageSet, Subject } from '../runtime/train/dataset/image-set.ts';
export type { DataSource } from '../runtime/train/dataset/members.ts';
export { type Dataset, type DatasetOptions, openDataset } from '../runtime/train/dataset/open-dataset.ts';
export { buildModel } from '../runtime/train/models/build.ts';
export type { ModelSpec } from '../runtime/train/models/spec.ts';

export { type AugmentOptions, MILD } from '../runtime/learning/dataset/augment.ts';
export { type DescribeOptions, describeData } from '../runtime/learning/dataset/describe-data.ts';
export { describeImages } from '../runtime/learning/dataset/describe-images.ts';
export type { Batch, BatchOptions, ExampleSet } from '../runtime/learning/dataset/example-set.ts';
export type { ImageSet, Subject } from '../runtime/learning/dataset/image-set.ts';
export type { DataSource } from '../runtime/learning/dataset/members.ts';
export { type Dataset, type DatasetOptions, openDataset } from '../runtime/learning/dataset/open-dataset.ts';
export { openVolumes, type Volumes, type VolumesOptions } from '../runtime/learning/dataset/open-volumes.ts';
export {
  VOLUME_AUGMENTS,
  type VolumeAugmentName,
  type VolumeAugmentOptions,
} from '../runtime/learning/dataset/volume-augment.ts';
export type { AugmentPatch, VolumePatch } from '../runtime/learning/dataset/volume-patch.ts';
export type { VolumeSet } from '../runtime/learning/dataset/volume-set.ts';
export { buildModel } from '../runtime/learning/models/build.ts';
export type { ModelSpec } from '../runtime/learning/models/spec.ts';
export { type Confusion, type Metrics, poolMetrics } from '../runtime/learning/trainer/confusion.ts';
export type { SegmentationMetrics } from '../runtime/learning/trainer/overlap.ts';

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ReadAs } from '../../../preprocess/nifti/series.ts';
import {
  type LabelledVolume,
  type LabelValues,
  readLabelledVolume,
  type VolumeFacts,
  type VolumeFiles,
} from '../../../preprocess/volume/labelled-volume.ts';
import { u8At } from '../../base/at.ts';
import { flError } from '../../base/errors/errors.ts';
import { createRandom } from '../../base/random.ts';
import { requireChannels } from '../models/spec.ts';
import { inputSides, type PatchSize } from '../models/unet-spec.ts';
import { crossEntropy, OverlapSums, overlapOf, type SegmentationMetrics } from '../trainer/overlap.ts';
import { tellProgress } from '../trainer/settings.ts';
import type { Batch, BatchOptions, ExampleSet, ModelForm, PredictExamples } from './example-set.ts';
import { labelsOf, predictVoxels } from './sliding-window.ts';
import { type AugmentPatch, cutPatch, drawCorner, interleave, type VolumePatch } from './volume-patch.ts';

/** One volume with its mask, and whose it is. */
export interface VolumeExample {
  readonly subject: number;
  readonly files: VolumeFiles;
  readonly facts: VolumeFacts;
}

/** One person. */
export interface VolumeSubject {
  readonly id: string;
  readonly group: string;
}

export interface VolumeSetOptions {
  readonly labels: LabelValues;
  readonly channels: number;
  readonly patch: PatchSize;
  /** 2 for patches of slices. */
  readonly dimensions: 2 | 3;
  readonly batchSize: number;
  /** Patches that an epoch shows of each volume. */
  readonly patchesPerVolume: number;
  /** Share of them that is drawn around a voxel of a label, where the volume has one. */
  readonly foreground: number;
  /** Of the patches of a prediction, see `WindowOptions`. */
  readonly overlap: number;
  /** For training; undefined leaves patches as they are. */
  readonly augment: AugmentPatch | undefined;
  readonly readAs: ReadAs;
}

/** Volumes from which the patches of neighbouring steps come: so many are in memory at the same time, whatever the number of all. */
const TOGETHER = 4;
/** Patches of a prediction at a time: more are no faster. */
const AT_ONCE = 4;

/** One part of a site's data as a segmentation has it: patches of volumes for training, whole volumes for scores. */
export class VolumeSet implements ExampleSet<SegmentationMetrics> {
  readonly subjects: readonly VolumeSubject[];
  readonly options: VolumeSetOptions;
  readonly volumes: readonly VolumeExample[];

  constructor(
    subjects: readonly VolumeSubject[],
    volumes: readonly VolumeExample[],
    options: VolumeSetOptions,
  ) {
    this.subjects = subjects;
    this.volumes = volumes;
    this.options = options;
  }

  /** Patches: what one epoch shows. */
  get size(): number {
    return this.volumes.length * this.options.patchesPerVolume;
  }

  /** Names of the labels, in the order of the outputs behind the background. */
  get labels(): readonly string[] {
    return this.options.labels.map(({ name }) => name);
  }

  /** Volumes that show each label, and under `none` those that show no label. */
  get counts(): Readonly<Record<string, number>> {
    const shown = (has: (voxels: readonly number[]) => boolean) =>
      this.volumes.filter(({ facts }) => has(facts.voxels)).length;
    return {
      ...Object.fromEntries(this.labels.map((name, at) => [name, shown((voxels) => (voxels[at] ?? 0) > 0)])),
      none: shown((voxels) => voxels.every((count) => count === 0)),
    };
  }

  /** The voxels of one of the volumes. @throws NF_DATA_IMAGE_* and its like */
  read({ files }: VolumeExample): Promise<LabelledVolume> {
    return readLabelledVolume(files, this.options.labels, this.options.readAs);
  }

  /** Patches drawn anew for each seed; the last batch may be smaller. */
  async *batches({ batchSize, seed }: BatchOptions): AsyncGenerator<Batch> {
    const order = this.#order(seed);
    for (let start = 0; start < order.length; start += batchSize)
      yield this.#assemble(order.slice(start, start + batchSize), seed);
  }

  requireFit({ name, input, output, names }: ModelForm): void {
    const { patch, dimensions, channels } = this.options;
    const sides = inputSides(patch, dimensions);
    const space = input.slice(0, -1);
    if (output.length !== input.length)
      throw flError('NF_TRAIN_MODEL', { name, found: `[${input}] to [${output}]` });
    if (`${space}` !== `${sides}`)
      throw flError('NF_TRAIN_PATCH', { model: space.join(' x '), data: sides.join(' x ') });
    requireChannels(input.at(-1) ?? 0, channels);
    const { labels } = this;
    if (output.at(-1) === labels.length + 1 && (names ?? labels).join('\n') === labels.join('\n')) return;
    const model = names?.join(', ') ?? `${output.at(-1)} outputs`;
    throw flError('NF_TRAIN_LABELS', { model, data: labels.join(', ') });
  }

  /** One score a volume, over all its voxels. */
  async score(predict: PredictExamples): Promise<SegmentationMetrics> {
    const sums = new OverlapSums(this.labels);
    const outputs = this.labels.length + 1;
    for (const [at, example] of this.volumes.entries()) {
      const volume = await this.read(example);
      const logits = await this.predict(volume, predict);
      const overlap = overlapOf(labelsOf(logits, outputs), volume.labels, outputs - 1);
      sums.add(overlap, crossEntropy(logits, volume.labels));
      tellProgress({ phase: 'evaluate', epoch: 1, epochs: 1, done: at + 1, total: this.volumes.length });
      await nextTurn();
    }
    return sums.describe();
  }

  /** Logits [voxels, 1 + labels] of a volume. */
  predict(volume: LabelledVolume, predict: PredictExamples): Promise<Float32Array> {
    const { patch, overlap } = this.options;
    return predictVoxels(
      volume,
      { patch, overlap, outputs: this.labels.length + 1, batchSize: AT_ONCE },
      predict,
    );
  }

  /** Which patch of which volume comes when. */
  #order(seed: number | undefined): PatchOf[] {
    const all = this.volumes.map((_, volume) => volume);
    const random = seed === undefined ? undefined : createRandom('shuffle', seed);
    random?.shuffle(all);
    const nth = Array.from({ length: this.options.patchesPerVolume }, (_, at) => at);
    const groups = Array.from({ length: Math.ceil(all.length / TOGETHER) }, (_, group) => {
      const own = all.slice(group * TOGETHER, (group + 1) * TOGETHER);
      const patches = own.flatMap((volume) => nth.map((patch) => ({ volume, patch })));
      return random?.shuffle(patches) ?? patches;
    });
    return groups.flat();
  }

  async #assemble(order: readonly PatchOf[], seed: number | undefined): Promise<Batch> {
    const { patch, channels } = this.options;
    const [voxels, outputs] = [patch[0] * patch[1] * patch[2], this.labels.length + 1];
    const x = new Float32Array(order.length * voxels * channels);
    const y = new Float32Array(order.length * voxels * outputs);
    const owners: number[] = [];
    for (const [row, of] of order.entries()) {
      const drawn = await this.#draw(of, seed);
      interleave(drawn.channels, x.subarray(row * voxels * channels, (row + 1) * voxels * channels));
      for (let voxel = 0; voxel < voxels; voxel++)
        y[(row * voxels + voxel) * outputs + u8At(drawn.labels, voxel)] = 1;
      owners.push(this.volumes[of.volume]?.subject ?? 0);
    }
    return { x, y, size: order.length, owners };
  }

  async #draw({ volume: at, patch: nth }: PatchOf, seed: number | undefined): Promise<VolumePatch> {
    const { patch, foreground, augment } = this.options;
    const example = this.volumes[at];
    if (!example) throw new RangeError(`there is no volume ${at}`);
    const volume = await this.read(example);
    const random = createRandom('patch', seed ?? 0, at, nth);
    const drawn = cutPatch(volume, patch, drawCorner(volume, { patch, foreground }, random));
    if (seed !== undefined) augment?.(drawn, random);
    return drawn;
  }
}

interface PatchOf {
  readonly volume: number;
  /** Which of its patches. */
  readonly patch: number;
}

import { findExamples } from '../../../preprocess/bids/layout.ts';
import { groupOf, type Participant } from '../../../preprocess/bids/participants.ts';
import { describeMasks, findMasks } from '../../../preprocess/select/example-masks.ts';
import type { Partition } from '../../../preprocess/split/manifest.ts';
import { lookAtVolume } from '../../../preprocess/volume/labelled-volume.ts';
import { flError } from '../../base/errors/errors.ts';
import { learningTaskOf, type MaskSelection } from '../../base/selection/learning-task.ts';
import { channelCount, readAs, type Selection } from '../../base/selection/selection.ts';
import { mapPool } from '../../base/threads/map-pool.ts';
import { checkKeys, checkNumber } from '../check-option.ts';
import { parseModelSpec, requireChannels, requireTask } from '../models/spec.ts';
import { type PatchSize, patchSize, type UnetSpec } from '../models/unet-spec.ts';
import { type DataSource, readMembers } from './members.ts';
import { tellOnce } from './notes.ts';
import { augmentVolumes, type VolumeAugmentName, type VolumeAugmentOptions } from './volume-augment.ts';
import type { AugmentPatch } from './volume-patch.ts';
import { type VolumeExample, VolumeSet, type VolumeSetOptions } from './volume-set.ts';

/** Values are checked when the data set is opened, so they may come from `flare.args()` as they are. */
export interface VolumesOptions {
  /** The model that is to be trained, which says what it sees and which labels it has: `flare.model()`. */
  readonly model: unknown;
  /** Patches in a step of training. Default 2. */
  readonly batchSize?: unknown;
  /** Patches that an epoch shows of each volume. Default 4. */
  readonly patchesPerVolume?: unknown;
  /** Share of the patches drawn around a voxel of a label, from 0 to 1. Default 0.5. */
  readonly foreground?: unknown;
  /** Share of a patch that the next one sees, too, when a volume is predicted: from 0 to below 1. Default 0.25. */
  readonly overlap?: unknown;
  /** Changes of training patches: a name of amounts, amounts over the mild ones, or a function. Default none. */
  readonly augment?: VolumeAugmentName | Partial<VolumeAugmentOptions> | AugmentPatch | undefined;
}

/** One site's volumes with their masks, ready for training. */
export interface Volumes {
  readonly train: VolumeSet;
  readonly validation: VolumeSet;
  readonly test: VolumeSet;
  /** Names in the order of a model's outputs, behind the background. */
  readonly labels: readonly string[];
  /** What a reader of results should know, e.g. how many masks are empty. */
  readonly notes: readonly string[];
}

const READERS = 2;
const KEYS = ['model', 'batchSize', 'patchesPerVolume', 'foreground', 'overlap', 'augment'];

/**
 * Opens a site's part of a BIDS data set for a segmentation: volumes (or slices), the images that the selection names as channels, and the masks
 * that `data.masks` of the job names, from the derivatives of the data set. Every file is read once, so a bad one is named before training;
 * patches are cut when they are needed, and few volumes are in memory at the same time.
 *
 * @throws NF_MASK_*, NF_MODEL_TASK, NF_MODEL_LABELS, NF_MODEL_CHANNELS, NF_DATA_*, NF_CHANNEL_GRID, NF_BIDS_*, NF_SPLIT_*, NF_NIFTI_*
 * @example const data = await openVolumes(flare.data(), { model: flare.model(), batchSize: 2 });
 */
export async function openVolumes(source: DataSource, options: VolumesOptions): Promise<Volumes> {
  checkKeys(options, KEYS);
  const task = source.task ?? learningTaskOf({ task: 'segmentation' });
  const spec = parseModelSpec(options.model);
  requireTask(spec, task);
  if (spec.type !== 'unet' || task.kind !== 'segmentation')
    throw new Error('a segmentation is learnt by a U-Net');
  const members = await readMembers({ ...source, task });
  const { selection } = members.subjects;
  requireChannels(spec.channels, channelCount(selection));
  if (members.train.length === 0)
    throw flError('NF_DATA_EMPTY', { site: source.site }, { place: { site: source.site } });
  const place = { root: source.root, selection, masks: task.masks };
  const shared = volumeOptions(options, { spec, ...place });
  const open = (part: Partition) => openVolumeSet(place, members[part], shared);
  const [train, validation, test] = [await open('train'), await open('validation'), await open('test')];
  requireLabelled(train, { site: source.site, masks: task.masks });
  const notes = Object.entries({ train, validation }).flatMap(([part, set]) => describePart(part, set));
  tellOnce(source.site, notes);
  return { train, validation, test, labels: train.labels, notes };
}

/** What a network of this form sees of volumes. @throws NF_TRAIN_OPTION for values that cannot be */
export function volumeOptions(
  options: Omit<VolumesOptions, 'model'>,
  { spec, selection, masks }: { spec: UnetSpec; selection: Selection; masks: MaskSelection },
): VolumeSetOptions {
  const count = (name: 'batchSize' | 'patchesPerVolume') =>
    checkNumber(name, options[name], { least: 1, whole: true });
  const foreground = checkNumber('foreground', options.foreground, { least: 0, below: 1 + Number.EPSILON });
  return {
    labels: spec.labels.map((name) => ({ name, values: masks.labels[name] ?? [] })),
    channels: spec.channels,
    patch: patchSize(spec),
    dimensions: spec.dimensions,
    batchSize: count('batchSize') ?? 2,
    patchesPerVolume: count('patchesPerVolume') ?? 4,
    foreground: foreground ?? 0.5,
    overlap: checkNumber('overlap', options.overlap, { least: 0, below: 1 }) ?? 0.25,
    augment: changesOf(options.augment),
    readAs: readAs(selection),
  };
}

function changesOf(wish: VolumesOptions['augment']): AugmentPatch | undefined {
  return wish === undefined || typeof wish === 'function' ? wish : augmentVolumes(wish);
}

/** Where volumes and their masks lie. */
export interface VolumePlace {
  readonly root: string;
  readonly selection: Selection;
  readonly masks: MaskSelection;
}

/** Volumes of these participants with their masks; every file is read once, so a bad one is named at once. */
export async function openVolumeSet(
  { root, selection, masks }: VolumePlace,
  rows: readonly Participant[],
  options: VolumeSetOptions,
): Promise<VolumeSet> {
  const found = await mapPool(rows, { jobs: READERS }, async ({ id }, subject) => {
    const images = await findExamples(root, id, selection);
    const drawn = await findMasks({ root, id }, images, masks);
    const volumes: VolumeExample[] = [];
    for (const [at, paths] of images.entries()) {
      volumes.push(await openVolume({ subject, files: { images: paths, mask: drawn[at] } }, options));
    }
    return volumes;
  });
  const subjects = rows.map((row) => ({ id: row.id, group: groupOf(row) }));
  return new VolumeSet(subjects, found.flat(), options);
}

/** An example, once its files were read and found whole. @throws NF_DATA_PATCH, and as `lookAtVolume` */
export async function openVolume(
  { subject, files }: Omit<VolumeExample, 'facts'>,
  { labels, readAs: as, patch }: VolumeSetOptions,
): Promise<VolumeExample> {
  const facts = await lookAtVolume(files, labels, as);
  requirePatch(patch, { shape: facts.shape, path: files.images[0] ?? '' });
  return { subject, files, facts };
}

/** @throws NF_DATA_PATCH for a volume that is smaller than a patch */
function requirePatch(patch: PatchSize, { shape, path }: { shape: readonly number[]; path: string }): void {
  if (patch.every((side, axis) => side <= (shape[axis] ?? 0))) return;
  const params = { path, shape: shape.join(' x '), patch: patch.join(' x ') };
  throw flError('NF_DATA_PATCH', params, { place: { file: path } });
}

/** @throws NF_MASK_NONE where no mask of the training part shows anything */
function requireLabelled(
  { counts, volumes }: VolumeSet,
  { site, masks }: { site: string; masks: MaskSelection },
): void {
  if (volumes.length > (counts.none ?? 0)) return;
  const params = { site, count: volumes.length, what: describeMasks(masks) };
  throw flError('NF_MASK_NONE', params, { place: { site } });
}

function describePart(part: string, { volumes, labels, counts }: VolumeSet): string[] {
  if (volumes.length === 0) return [`The ${part} part is empty.`];
  const missing = labels.filter((name) => counts[name] === 0);
  const { none = 0 } = counts;
  return [
    ...(missing.length > 0 ? [`The ${part} part has no voxel of ${missing.join(', ')}.`] : []),
    ...(none > 0 ? [`${none} of ${volumes.length} masks of the ${part} part are empty.`] : []),
  ];
}

import { findExamples } from '../../../preprocess/bids/layout.ts';
import { COLUMN, groupOf, type Participant, personOf } from '../../../preprocess/bids/participants.ts';
import type { PictureHarmony } from '../../../preprocess/picture/harmonise.ts';
import { readChannels, VOLUME_LAYOUTS, type VolumeLayout } from '../../../preprocess/picture/pictures.ts';
import type { Subjects } from '../../../preprocess/select/read-subjects.ts';
import type { Partition } from '../../../preprocess/split/manifest.ts';
import { flError } from '../../base/errors/errors.ts';
import { channelCount, readAs, type Selection } from '../../base/selection/selection.ts';
import { counted } from '../../base/text/counted.ts';
import { didYouMean } from '../../base/text/nearest.ts';
import { mapPool } from '../../base/threads/map-pool.ts';
import { checkKeys, checkNumber, optionError } from '../check-option.ts';
import { useHarmonisation } from '../trainer/settings.ts';
import { type AugmentOptions, MILD } from './augment.ts';
import { DEFAULT_SLICES } from './default-slices.ts';
import { harmonyOf, requireHarmonised, ruleNote } from './harmony.ts';
import { ImageSet, type ImageSetOptions, type Subject } from './image-set.ts';
import { type DataSource, type Members, readMembers } from './members.ts';
import { tellOnce } from './notes.ts';
import { SAMPLINGS } from './order.ts';
import { checkAmounts } from './volume-augment.ts';

/** Values are checked when the data set is opened, so they may come from `flare.model()` and `flare.args()` as they are. */
export interface DatasetOptions {
  /** Side of the pictures, in pixels: the model's `image_size`. Default 64. */
  readonly imageSize?: unknown;
  /** Pictures in a step of training. Default 32. */
  readonly batchSize?: unknown;
  /** 3 for a model of volumes, `dimensions` of the model: each example is a cube of imageSize. Default 2, pictures. */
  readonly dimensions?: unknown;
  /** Axial slices made of a volume, where it is shown as pictures. Default 9. */
  readonly slices?: unknown;
  /** How the slices of a volume are shown: `montage`, all side by side in one picture, or `separate`. Default `montage`. */
  readonly layout?: unknown;
  /** Order of the outputs: the model's `classes`. Default: as participants.json declares them, sorted. */
  readonly classes?: unknown;
  /** Changes of training pictures: false for none, or amounts in place of the mild ones. Default true. */
  readonly augment?: boolean | Partial<AugmentOptions>;
  /** Which pictures an epoch of training has: `shuffled` or `class_balanced`, see `Sampling`. Default `shuffled`. */
  readonly sampling?: unknown;
  /**
   * Whether a prediction is the mean of those for a picture and for its mirror image: a second opinion of a network that was trained on
   * both. Default: where training pictures are flipped.
   */
  readonly mirror?: boolean;
}

/** One site's images, ready for training. */
export interface Dataset {
  readonly train: ImageSet;
  readonly validation: ImageSet;
  readonly test: ImageSet;
  /** Class names in the order of a model's outputs. */
  readonly classes: readonly string[];
  /** What a reader of results should know, e.g. that the site lacks a class. */
  readonly notes: readonly string[];
}

const READERS = 4;

/**
 * Opens a site's part of a BIDS data set: a T1w slice gives one picture, a volume
 * one of its axial slices side by side, or as a whole a cube of as many planes as its sides have pixels. Where the selection names channels, each picture has one of each. Every image of the
 * three parts is read once, so a bad one is named before training; pictures stay in memory for the tasks to come.
 *
 * @throws NF_DATA_* (labels, parts, images), NF_BIDS_*, NF_SPLIT_*, NF_NIFTI_*
 * @example const data = await openDataset(flare.data(), { imageSize: 128, batchSize: 32 });
 */
export async function openDataset(source: DataSource, options: DatasetOptions = {}): Promise<Dataset> {
  const members = await readMembers(source);
  const shared = checkDatasetOptions(options, members);
  const { classes } = shared;
  const { subjects } = members;
  const { selection } = subjects;
  const { harmony, note } = harmonised(source, shared);
  const open = async (part: Partition) => {
    const labelled = members[part].map((row) => ({ row, label: labelOf(row, classes, subjects), harmony }));
    return openSet({ root: source.root, selection }, labelled, shared);
  };
  if (members.train.length === 0)
    throw flError('NF_DATA_EMPTY', { site: source.site }, { place: { site: source.site } });
  const [train, validation, test] = [await open('train'), await open('validation'), await open('test')];
  const notes = [...describeGaps({ train, validation }), ...describeLeftOut(members), ...note];
  tellOnce(source.site, notes);
  return { train, validation, test, classes, notes };
}

function harmonised(
  { harmonisation, site }: DataSource,
  options: ImageSetOptions,
): { readonly harmony: PictureHarmony | undefined; readonly note: readonly string[] } {
  if (!harmonisation) return { harmony: undefined, note: [] };
  requireHarmonised(harmonisation, options);
  useHarmonisation();
  const note = ruleNote(harmonisation, site);
  return { harmony: harmonyOf(harmonisation, site).harmony, note: note === undefined ? [] : [note] };
}

const KEYS = [
  ...['imageSize', 'dimensions', 'batchSize', 'slices', 'layout'],
  ...['classes', 'augment', 'mirror', 'sampling'],
];

function checkDatasetOptions(options: DatasetOptions, { classes, subjects }: Members): ImageSetOptions {
  checkKeys(options, KEYS);
  const count = (name: 'imageSize' | 'batchSize' | 'slices', least: number) =>
    checkNumber(name, options[name], { least, whole: true });
  const augment = augmentOptions(options.augment);
  return {
    imageSize: count('imageSize', 8) ?? 64,
    batchSize: count('batchSize', 1) ?? 32,
    slices: count('slices', 1) ?? DEFAULT_SLICES,
    layout: layoutOf(options),
    classes: checkClasses(options.classes) ?? classes,
    channels: channelCount(subjects.selection),
    augment,
    sampling: checkOneOf('sampling', options.sampling ?? 'shuffled', SAMPLINGS),
    mirror: options.mirror ?? augment?.flip ?? false,
  };
}

function layoutOf({ dimensions = 2, layout, slices }: DatasetOptions): VolumeLayout {
  if (dimensions === 2) return checkOneOf('layout', layout ?? 'montage', VOLUME_LAYOUTS);
  if (dimensions !== 3) throw optionError('dimensions', dimensions, '2 or 3');
  if (layout !== undefined)
    throw optionError('layout', layout, 'left out: with dimensions 3 a volume is shown as a whole');
  if (slices !== undefined)
    throw optionError('slices', slices, 'left out: with dimensions 3 a volume is shown as a whole');
  return 'volume';
}

function checkOneOf<Name extends string>(option: string, value: unknown, names: readonly Name[]): Name {
  const found = names.find((name) => name === value);
  if (found === undefined) throw optionError(option, value, `one of ${names.join(', ')}`);
  return found;
}

function checkClasses(value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.length > 1 && value.every((name) => typeof name === 'string'))
    return value;
  throw optionError('classes', value, 'a list of at least two class names');
}

function augmentOptions(wish: DatasetOptions['augment'] = true): AugmentOptions | undefined {
  if (wish === false) return undefined;
  return wish === true ? MILD : checkAmounts(wish, MILD);
}

/** The place of a participant's diagnosis among `classes`. @throws NF_DATA_LABEL_* with the line of the table */
export function labelOf(
  row: Participant,
  classes: readonly string[],
  { file, labels, labelAt }: Pick<Subjects, 'file' | 'labels' | 'labelAt'>,
): number {
  const cell = labelAt.get(row.id) ?? { file, line: row.line };
  const place = { place: { file: cell.file, line: cell.line, key: labels?.column ?? COLUMN.diagnosis } };
  const label = row.values.get(COLUMN.diagnosis);
  if (label === undefined) throw flError('NF_DATA_LABEL_MISSING', { participant: row.id }, place);
  const index = classes.indexOf(label);
  if (index >= 0) return index;
  const params = {
    label,
    participant: row.id,
    nearest: didYouMean(label, classes),
    known: classes.join(', '),
  };
  throw flError('NF_DATA_LABEL_UNKNOWN', params, place);
}

/** A participant of a set. */
export interface LabelledRow {
  readonly row: Participant;
  /** Place among the classes. */
  readonly label: number;
  readonly harmony?: PictureHarmony | undefined;
}

/** Pictures of these participants; every image is read once, so a bad one is named at once. */
export async function openSet(
  { root, selection }: { root: string; selection: Selection },
  rows: readonly LabelledRow[],
  options: ImageSetOptions,
): Promise<ImageSet> {
  const readOptions = { ...options, ...readAs(selection) };
  const subjects = await mapPool(
    rows,
    { jobs: READERS },
    async ({ row, label, harmony }): Promise<Subject> => {
      const examples = await findExamples(root, row.id, selection);
      return { id: row.id, group: groupOf(row), person: personOf(row), label, examples, harmony };
    },
  );
  const files = subjects.flatMap(({ examples, harmony }, subject) =>
    examples.map((paths) => ({ paths, subject, harmony })),
  );
  const examples = await mapPool(files, { jobs: READERS }, async ({ paths, subject, harmony }) => {
    const [pictures = []] = await readChannels(paths, { ...readOptions, harmony });
    if (options.layout !== 'separate') return [{ subject, paths, first: 0, count: pictures.length }];
    return pictures.map((_, first) => ({ subject, paths, first, count: 1 }));
  });
  return new ImageSet(subjects, examples.flat(), readOptions);
}

/** Subjects of a part whose labels the selection leaves out; those of a split were told of when it was made. */
function describeLeftOut({ subjects: { rows, unlabelled } }: Members): string[] {
  const parted = rows.filter(({ id, values }) => values.has(COLUMN.partition) && unlabelled.has(id));
  return [...Map.groupBy(parted, ({ id }) => unlabelled.get(id) ?? '')].map(
    ([reason, own]) => `${counted(own.length, 'subject is', 'subjects are')} left out: ${reason}.`,
  );
}

function describeGaps(sets: Readonly<Record<string, ImageSet>>): string[] {
  return Object.entries(sets).flatMap(([part, { counts, subjects }]) => {
    if (subjects.length === 0) return [`The ${part} part is empty.`];
    const missing = Object.keys(counts).filter((name) => counts[name] === 0);
    return missing.length === 0 ? [] : [`The ${part} part has no example of ${missing.join(', ')}.`];
  });
}

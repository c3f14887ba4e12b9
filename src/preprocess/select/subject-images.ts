import { basename, relative, sep } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import {
  channelSelections,
  DEFAULTS,
  isDefault,
  type Selection,
} from '../../runtime/base/selection/selection.ts';
import { mapPool } from '../../runtime/base/threads/map-pool.ts';
import { describeImages, type Incomplete } from '../bids/choose-images.ts';
import { type ImageName, parseImageName } from '../bids/image-name.ts';
import { listExamples, listFiles } from '../bids/layout.ts';
import { isUsed, listSubjects, type Participant } from '../bids/participants.ts';
import type { Subjects } from './read-subjects.ts';

/** The images that a selection takes of a participant; `of`: how many it had to choose from. */
export interface SubjectImages {
  readonly participant: string;
  /** From the root of the data set, with /. */
  readonly images: readonly string[];
  readonly of: number;
  /** Sessions that lack a channel and are left out. */
  readonly incomplete: readonly Incomplete[];
}

const READERS = 8;

/**
 * The images of everybody who has a label and is not set aside, by their names; what they hold is not looked at. Of a table alone, without one folder of
 * a subject, nobody's images are known: the list is empty.
 * @throws NF_SELECT_NOTHING where nobody has one, with what there is in its place; NF_SELECT_AMBIGUOUS
 */
export async function imagesOfSubjects(
  root: string,
  { rows, selection }: Subjects,
): Promise<SubjectImages[]> {
  const used = rows.filter(isUsed);
  const found = await mapPool(used, { jobs: READERS }, async ({ id }) => {
    const { examples, incomplete } = await listExamples(root, id, selection);
    const paths = examples.flat();
    const all =
      selection.one_per === undefined && !selection.channels ? paths : await allOf(root, id, selection);
    const images = paths.map((path) => relative(root, path).split(sep).join('/'));
    // An image that is there plain and packed is one; `preprocess check` tells of it.
    const different = new Set(all.map((path) => path.replace(/\.gz$/, '')));
    return { participant: id, images, of: different.size, incomplete };
  });
  const hasNone = used.length > 0 && found.every(({ images }) => images.length === 0);
  if (hasNone && isDefault(selection) && (await listSubjects(root)).length === 0) return [];
  if (hasNone) {
    const params = {
      what: describeImages(selection),
      path: root,
      there: await whatIsThere(root, used, selection),
    };
    throw flError('NF_SELECT_NOTHING', params, { place: { file: root } });
  }
  return found;
}

/** Every image among which a selection chooses. */
async function allOf(root: string, participant: string, selection: Selection): Promise<string[]> {
  const found = await Promise.all(
    channelSelections(selection).map((channel) =>
      listExamples(root, participant, { ...channel, one_per: 'all' }),
    ),
  );
  return found.flatMap(({ examples }) => examples.flat());
}

/** Suffixes of the images there are, or where the wished one is among them, the values of the entities that are asked for. */
async function whatIsThere(
  root: string,
  rows: readonly Participant[],
  selection: Selection,
): Promise<string> {
  const files = await mapPool(rows, { jobs: READERS }, ({ id }) => listFiles(root, id));
  const names = files.flat().flatMap((path) => parseImageName(basename(path)) ?? []);
  if (names.length === 0) return 'There are no images with names of BIDS.';
  if (selection.channels) return `There are: ${tally(names, nameText)}.`;
  const { suffix = DEFAULTS.suffix, filter = {} } = selection;
  const alike = names.filter((name) => name.suffix === suffix);
  if (alike.length === 0) return `There are: ${tally(names, ({ suffix: own }) => own)}.`;
  const entities = Object.keys(filter).map((entity) => {
    const values = tally(alike, ({ entities: own }: ImageName) => own.get(entity) ?? 'none');
    return `${entity}: ${values}`;
  });
  return `The ${suffix} images have ${entities.join('; ')}.`;
}

/** `ce-gadolinium_T1w`: an image without subject, session and run. */
function nameText({ entities, suffix }: ImageName): string {
  const told = [...entities].filter(([entity]) => !['sub', 'ses', 'run'].includes(entity));
  return [...told.map((pair) => pair.join('-')), suffix].join('_');
}

/** `preop (25), postop (11)`, the most frequent first. */
function tally(names: readonly ImageName[], nameOf: (name: ImageName) => string): string {
  const counts = [...Map.groupBy(names, nameOf)].map(([value, own]) => ({ value, count: own.length }));
  counts.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
  const named = counts.slice(0, MOST_VALUES).map(({ value, count }) => `${value} (${count})`);
  return [...named, ...(counts.length > MOST_VALUES ? ['...'] : [])].join(', ');
}

const MOST_VALUES = 8;

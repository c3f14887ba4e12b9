import type { z } from 'zod';
import { findExamples } from '../../../preprocess/bids/layout.ts';
import { countPeople, type Participant } from '../../../preprocess/bids/participants.ts';
import { tissueLandmarks } from '../../../preprocess/picture/harmonise.ts';
import { readPictures } from '../../../preprocess/picture/pictures.ts';
import {
  addSums,
  LANDMARK_PERCENTILES,
  type Landmarks,
  sumsOf,
} from '../../../preprocess/preparation/landmarks.ts';
import type { effectsAnswer, scaleAnswer } from '../../algorithms/harmonisation/sums.ts';
import { EFFECTS, type HarmoniseTask } from '../../algorithms/harmonisation/tasks.ts';
import { numberAt } from '../../base/at.ts';
import { flError } from '../../base/errors/errors.ts';
import { readAs } from '../../base/selection/selection.ts';
import { counted } from '../../base/text/counted.ts';
import { mapPool } from '../../base/threads/map-pool.ts';
import { DEFAULT_SLICES } from './default-slices.ts';
import { type DataSource, type Members, readMembers } from './members.ts';
import { labelOf } from './open-dataset.ts';

interface Asked {
  /** Of the job's model. */
  readonly imageSize: number;
  readonly classes: readonly string[];
  /** A sum that leaves the site is over as many people at least. */
  readonly leastPeople: number;
}

/** What leaves a site of its training part, for either task. */
type Sums = z.output<typeof scaleAnswer> | z.output<typeof effectsAnswer>;

const READERS = 4;

/**
 * Sums over the training part of a site, of which none is over fewer people than it may: images of one group count as one person. Images
 * of the other parts are not read.
 * @throws NF_HARMONISE_FEW, and as `openDataset`
 */
export async function harmoniseSums(task: HarmoniseTask, source: DataSource, asked: Asked): Promise<Sums> {
  const members = await readMembers(source);
  const set = { source, asked, members };
  return task === EFFECTS ? effectSums(set) : scaleSums(set);
}

interface TrainingSet {
  readonly source: DataSource;
  readonly asked: Asked;
  readonly members: Members;
}

async function scaleSums(set: TrainingSet): Promise<z.output<typeof scaleAnswer>> {
  const { asked, source } = set;
  const seen = await imagesOf(set);
  const people = peopleOf(seen);
  const [first, ...rest] = seen.map(({ landmarks }) => sumsOf(landmarks));
  if (!first || people < asked.leastPeople)
    throw tooFew(source.site, asked, { what: counted(people, 'person', 'people'), other: 'none' });
  const { images, sums } = rest.reduce(addSums, first);
  return { form: formOf(asked), images, sums: [...sums] };
}

async function effectSums(set: TrainingSet): Promise<z.output<typeof effectsAnswer>> {
  const { asked, members, source } = set;
  const { classes, leastPeople } = asked;
  const seen = await imagesOf(set);
  const byClass = classes.map((_, label) =>
    seen.filter(({ row }) => labelOf(row, classes, members.subjects) === label),
  );
  const told = byClass.map((own) => (peopleOf(own) < leastPeople ? [] : own));
  if (told.every((own) => own.length === 0)) {
    const what = classes.map((name, label) => `${peopleOf(byClass[label] ?? [])} of ${name}`).join(', ');
    throw tooFew(source.site, asked, { what, other: 'nyul' });
  }
  const added = (own: readonly Seen[], power: 1 | 2) =>
    LANDMARK_PERCENTILES.map((_, at) =>
      own.reduce((sum, { landmarks }) => sum + numberAt(landmarks, at) ** power, 0),
    );
  return {
    form: formOf(asked),
    classes: told.map((own) => (own.length === 0 ? null : { images: own.length, sums: added(own, 1) })),
    squares: added(told.flat(), 2),
  };
}

function formOf({ imageSize }: Asked) {
  return { image_size: imageSize, slices: DEFAULT_SLICES };
}

/** An image of the training part that has contrast. */
interface Seen {
  readonly row: Participant;
  readonly landmarks: Landmarks;
}

function peopleOf(seen: readonly Seen[]): number {
  return countPeople(seen.map(({ row }) => row));
}

function tooFew(site: string, { leastPeople }: Asked, params: { what: string; other: string }) {
  return flError('NF_HARMONISE_FEW', { site, least: leastPeople, ...params }, { place: { site } });
}

/** All images of the training part, in the order of its rows, but for those without contrast. */
async function imagesOf({ source, asked, members }: TrainingSet): Promise<Seen[]> {
  const { selection } = members.subjects;
  const form = { imageSize: asked.imageSize, slices: DEFAULT_SLICES, layout: 'montage' as const };
  const all = await mapPool(members.train, { jobs: READERS }, async (row) => {
    const images: Seen[] = [];
    for (const paths of await findExamples(source.root, row.id, selection)) {
      // Jobs of several contrasts are refused before.
      const [path = ''] = paths;
      const landmarks = tissueLandmarks(await readPictures(path, { ...form, ...readAs(selection) }));
      if (landmarks) images.push({ row, landmarks });
    }
    return images;
  });
  return all.flat();
}

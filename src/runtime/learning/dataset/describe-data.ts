import { findExamples } from '../../../preprocess/bids/layout.ts';
import { type Participant, personOf } from '../../../preprocess/bids/participants.ts';
import { inspectImage } from '../../../preprocess/check/inspect-image.ts';
import { labelOf } from '../../../preprocess/split/cohort.ts';
import { PARTITIONS } from '../../../preprocess/split/manifest.ts';
import { LEAST_PEOPLE } from '../../base/least-people.ts';
import { readAs } from '../../base/selection/selection.ts';
import { sum } from '../../base/sum.ts';
import { mapPool } from '../../base/threads/map-pool.ts';
import {
  type SiteFeature,
  type SiteStatistics,
  type SiteTable,
  withholdStatistics,
} from '../../run/site-statistics.ts';
import { checkKeys, checkNumber } from '../check-option.ts';
import { type ColumnOf, checkColumns } from './described-columns.ts';
import { type DataSource, readMembers } from './members.ts';

export interface DescribeOptions {
  /** Names of the classes, in the order in which they are told; default: those of the data set. */
  readonly classes?: unknown;
  /** Columns of participants.tsv: `{ age: { from: 0, to: 100, bins: 20 }, sex: { values: [F, M] } }`. Nothing else of the table is told. */
  readonly columns?: unknown;
  /** People that each count must be over; 10 at least. */
  readonly leastPeople?: unknown;
}

const READERS = 2;
const BINS = 20;

/** What is told of each image, in the units of `preprocess check`: of the middle slice in 8 bits; voxels in mm. */
const IMAGE_FEATURES = [
  { name: 'brightness', from: 0, to: 255 },
  { name: 'frame brightness', from: 0, to: 255 },
  { name: 'sharpness', from: 0, to: 1 },
  { name: 'voxel volume', from: 0, to: 10 },
] as const;

/**
 * What the data of a site are like, in sums over its people (groups, else subjects) of all parts: how many have which class and value,
 * and of brightness, sharpness, voxels and numeric columns sums, sums of squares and a histogram over a range that the job declares. Give it as the figure
 * `data_statistics`. No count of fewer than 10 people is in it, nor any that would follow from the others.
 * @returns null where the site has fewer people
 * @throws NF_DATA_*, NF_TRAIN_OPTION
 */
export async function describeData(
  source: DataSource,
  options: DescribeOptions = {},
): Promise<SiteStatistics | null> {
  checkKeys(options, ['classes', 'columns', 'leastPeople']);
  const columns = checkColumns(options.columns);
  const least = checkNumber('leastPeople', options.leastPeople, { least: LEAST_PEOPLE, whole: true });
  const members = await readMembers(source);
  const rows = PARTITIONS.flatMap((part) => members[part]);
  const people = [...Map.groupBy(rows, personOf).values()];
  const { selection } = members.subjects;
  const images = await mapPool(people, { jobs: READERS }, (own) => imagesOf(own, source.root, selection));
  const classes = Array.isArray(options.classes) ? options.classes.map(String) : members.classes;
  const labels = people.map((own) => mostOf(own.map(labelOf)));
  const told: SiteStatistics = {
    version: 1,
    people: people.length,
    tables: {
      class: { values: [...classes], people: countEach(classes, labels) },
      ...Object.fromEntries(
        columns.flatMap(({ name, values }) => (values ? [[name, tableOf(name, values, people)]] : [])),
      ),
    },
    features: {
      ...Object.fromEntries(
        IMAGE_FEATURES.map(({ name, ...range }, at) => [
          name,
          featureOf(
            { ...range, bins: BINS },
            images.map((own) => own[at]),
          ),
        ]),
      ),
      ...Object.fromEntries(
        columns.flatMap(({ name, range }) => (range ? [[name, numbersOf(name, range, people)]] : [])),
      ),
    },
  };
  return withholdStatistics(told, least ?? LEAST_PEOPLE);
}

type Figures = readonly (number | undefined)[];

/** Means over the images of a person; undefined where none could be read. */
async function imagesOf(
  rows: readonly Participant[],
  root: string,
  selection: Parameters<typeof readAs>[0],
): Promise<Figures> {
  const found: number[][] = [];
  for (const { id } of rows) {
    for (const paths of await findExamples(root, id, selection)) {
      const [path = ''] = paths;
      const image = { participant: id, path, example: path, channel: 0 };
      const { facts } = await inspectImage(image, { ...readAs(selection), side: 32, slices: 1 });
      if (!facts) continue;
      const { intensityMean, frameMean, sharpness } = facts.quality;
      found.push([
        intensityMean,
        frameMean,
        sharpness,
        facts.voxel.reduce((product, edge) => product * edge, 1),
      ]);
    }
  }
  return IMAGE_FEATURES.map((_, at) => meanOf(found.map((figures) => figures[at] ?? Number.NaN)));
}

/** Of those that are numbers. */
function meanOf(values: readonly number[]): number | undefined {
  const known = values.filter(Number.isFinite);
  return known.length === 0 ? undefined : sum(known) / known.length;
}

/** The most frequent; of equals the first. */
function mostOf(values: readonly string[]): string {
  const found = [...Map.groupBy(values, (value) => value).values()];
  return found.sort((a, b) => b.length - a.length)[0]?.[0] ?? '';
}

function countEach(names: readonly string[], values: readonly string[]): number[] {
  const found = Map.groupBy(values, (value) => value);
  return names.map((name) => found.get(name)?.length ?? 0);
}

function tableOf(
  name: string,
  values: readonly string[],
  people: readonly (readonly Participant[])[],
): SiteTable {
  const own = people.map((rows) => mostOf(rows.flatMap((row) => row.values.get(name) ?? [])));
  return { values: [...values], people: countEach(values, own) };
}

function numbersOf(
  name: string,
  range: NonNullable<ColumnOf['range']>,
  people: readonly (readonly Participant[])[],
): SiteFeature {
  const values = people.map((rows) => meanOf(rows.map((row) => Number(row.values.get(name) ?? Number.NaN))));
  return featureOf(range, values);
}

function featureOf(
  { from, to, bins: steps }: NonNullable<ColumnOf['range']>,
  values: readonly (number | undefined)[],
): SiteFeature {
  const known = values.filter((value) => value !== undefined);
  const off = known.map((value) => value - (from + to) / 2);
  const bins = new Array<number>(steps + 2).fill(0);
  for (const value of known) {
    const step = Math.floor(((value - from) / (to - from)) * steps);
    const bin = value === to ? steps : Math.min(steps, Math.max(-1, step)) + 1;
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  const squares = sum(off.map((value) => value * value));
  return { from, to, people: known.length, sum: sum(off), squares, bins };
}

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { COLUMN, type Participant, type Participants } from '../../../preprocess/bids/participants.ts';
import { classesOf } from '../../../preprocess/select/classes.ts';
import {
  NO_LABEL,
  readSubjects,
  requireLabels,
  type Subjects,
} from '../../../preprocess/select/read-subjects.ts';
import { agreedSelection } from '../../../preprocess/select/record.ts';
import { checkGroups, checkSplit } from '../../../preprocess/split/check.ts';
import {
  PARTITIONS,
  type Partition,
  readSplit,
  type SplitManifest,
} from '../../../preprocess/split/manifest.ts';
import type { Harmonisation } from '../../algorithms/harmonisation/record.ts';
import { flError } from '../../base/errors/errors.ts';
import type { LearningTask } from '../../base/selection/learning-task.ts';
import type { Selection } from '../../base/selection/selection.ts';
import { compareText } from '../../base/text/compare-text.ts';
import { didYouMean } from '../../base/text/nearest.ts';

/** Where a site's data lie: what `flare.data()` returns. */
export interface DataSource {
  /** Folder of a BIDS data set. */
  readonly root: string;
  /** Path of a split.json; without it the column `partition` of participants.tsv parts the data. */
  readonly split?: string | undefined;
  /** Which images, with which labels; default: as the split or the data set says, else T1w images with labels in `diagnosis`. */
  readonly selection?: Selection | undefined;
  /** The site whose part of the split is meant. */
  readonly site: string;
  /** What is learnt; default: classification. */
  readonly task?: LearningTask | undefined;
  /** What takes scanners out of the pictures, as the job's workflow has found it. */
  readonly harmonisation?: Harmonisation | undefined;
}

/** The subjects of one site by part, and the classes of the whole data set; none where something else is learnt. */
export interface Members extends Readonly<Record<Partition, readonly Participant[]>> {
  readonly classes: readonly string[];
  readonly subjects: Subjects;
}

/**
 * Reads who belongs to a site's parts. Nothing is split here: that is `preprocess split`'s work, which knows the groups.
 * @throws NF_DATA_NOT_SPLIT, NF_DATA_SITE_UNKNOWN, NF_DATA_PARTITION, NF_DATA_COLUMN, NF_BIDS_*, NF_SPLIT_*
 */
export async function readMembers(source: DataSource): Promise<Members> {
  const { subjects, classes, partsOf } = await openTable(source);
  return { ...partsOf(source.site), classes, subjects };
}

/** A data set's table and split, read and checked. */
interface Table {
  readonly subjects: Subjects;
  readonly classes: readonly string[];
  partsOf(site: string): Record<Partition, readonly Participant[]>;
}

let known:
  | {
      readonly stamp: string;
      readonly table: Promise<Table>;
      readonly labels: Promise<LabelStamp | undefined>;
    }
  | undefined;

/** A table of labels beside participants.tsv, and what it was when it was read. */
interface LabelStamp {
  readonly file: string;
  readonly stamp: string | undefined;
}

/** The same table serves site after site of a thread, as long as its files are what they were: of a thousand sites each would read it all. */
async function openTable({ root, split, selection, task }: DataSource): Promise<Table> {
  const isLabelled = (task?.kind ?? 'classification') === 'classification';
  const paths = [join(root, 'participants.tsv'), join(root, 'participants.json'), ...(split ? [split] : [])];
  const stamp = JSON.stringify([paths, selection, isLabelled, ...(await Promise.all(paths.map(stampOf)))]);
  if (known?.stamp === stamp && (await isSame(await known.labels))) return known.table;
  const table = readTable(root, { split, selection, isLabelled });
  const labels = table.then(({ subjects }) => stampLabels(subjects)).catch(() => undefined);
  known = { stamp, table, labels };
  return table;
}

/** The sessions.tsv of every subject are too many to be looked at again and again. */
async function stampLabels({ labels, file }: Subjects): Promise<LabelStamp | undefined> {
  const files = new Set(labels?.values.flatMap(({ cells }) => cells.map((cell) => cell.file)));
  const [first] = files;
  if (first === undefined || first === file || files.size > 1) return undefined;
  return { file: first, stamp: await stampOf(first) };
}

async function isSame(labels: LabelStamp | undefined): Promise<boolean> {
  return labels === undefined || labels.stamp === (await stampOf(labels.file));
}

async function stampOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && [found.ino, found.size, found.mtimeNs, found.ctimeNs].join();
}

async function readTable(
  root: string,
  {
    split: path,
    selection: said,
    isLabelled,
  }: Pick<DataSource, 'split' | 'selection'> & { readonly isLabelled: boolean },
): Promise<Table> {
  const split = path === undefined ? undefined : { path, manifest: await readSplit(path) };
  const agreed = agreedSelection(said, split && { path: split.path, selection: split.manifest.selection });
  const subjects = await readSubjects(root, agreed);
  if (isLabelled) requireLabels(subjects);
  const classes = isLabelled ? await classesOf(root, subjects) : [];
  if (split) return { subjects, classes, partsOf: partsOfSplit(split, subjects) };
  const parts = partsOfColumn(subjects);
  return { subjects, classes, partsOf: () => parts };
}

function partsOfSplit(
  { path, manifest }: { path: string; manifest: SplitManifest },
  participants: Participants,
): Table['partsOf'] {
  checkSplit(manifest, participants);
  const sites = new Map(manifest.sites.map((site) => [site.name, site]));
  const rows = new Map(participants.rows.map((row) => [row.id, row]));
  return (site) => {
    const own = sites.get(site);
    if (!own) {
      const names = [...sites.keys()];
      const params = { site, nearest: didYouMean(site, names), known: names.join(', ') };
      throw flError('NF_DATA_SITE_UNKNOWN', params, { place: { file: path, site } });
    }
    const pick = (part: Partition) => inOrder(own[part].flatMap((id) => rows.get(id) ?? []));
    return { train: pick('train'), validation: pick('validation'), test: pick('test') };
  };
}

/** Whom the selection leaves out by their label is passed over; who has none is not, since somebody gave them a part. */
function partsOfColumn({ columns, rows, file, unlabelled }: Subjects): Record<Partition, Participant[]> {
  if (!columns.includes(COLUMN.partition)) throw flError('NF_DATA_NOT_SPLIT', {}, { place: { file } });
  const parts: Record<Partition, Participant[]> = { train: [], validation: [], test: [] };
  for (const row of rows) {
    const value = row.values.get(COLUMN.partition);
    const isLeftOut = row.values.has(COLUMN.setAside) || (unlabelled.get(row.id) ?? NO_LABEL) !== NO_LABEL;
    if (value === undefined || isLeftOut) continue;
    const part = PARTITIONS.find((name) => name === value);
    if (!part) {
      const params = { value, participant: row.id, nearest: didYouMean(value, PARTITIONS) };
      throw flError('NF_DATA_PARTITION', params, { place: { file, line: row.line, key: COLUMN.partition } });
    }
    parts[part].push(row);
  }
  for (const part of PARTITIONS) inOrder(parts[part]);
  checkGroups(
    PARTITIONS.flatMap((place) => parts[place].map((row) => ({ row, place }))),
    file,
  );
  return parts;
}

/** By id, whatever the order of the table or split: a site's own tree and the whole one give the same batches. */
function inOrder(rows: Participant[]): Participant[] {
  return rows.sort((a, b) => compareText(a.id, b.id));
}

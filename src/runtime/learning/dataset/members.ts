import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  COLUMN,
  type Participant,
  type Participants,
  readParticipants,
} from '../../../preprocess/bids/participants.ts';
import { checkGroups, checkSplit } from '../../../preprocess/split/check.ts';
import { PARTITIONS, type Partition, readSplit } from '../../../preprocess/split/manifest.ts';
import { flError } from '../../base/errors/errors.ts';
import { readInputText } from '../../base/files/read-file.ts';
import { didYouMean } from '../../base/text/nearest.ts';

/** Where a site's data lie: what `flare.data()` returns. */
export interface DataSource {
  /** Folder of a BIDS data set. */
  readonly root: string;
  /** Path of a split.json; without it the column `partition` of participants.tsv parts the data. */
  readonly split?: string | undefined;
  /** The site whose part of the split is meant. */
  readonly site: string;
}

/** The subjects of one site by part, and the classes of the whole data set. */
export interface Members extends Readonly<Record<Partition, readonly Participant[]>> {
  readonly classes: readonly string[];
  readonly file: string;
}

/**
 * Reads who belongs to a site's parts. Nothing is split here: that is `preprocess split`'s work, which knows the groups.
 * @throws NF_DATA_NOT_SPLIT, NF_DATA_SITE_UNKNOWN, NF_DATA_PARTITION, NF_DATA_COLUMN, NF_BIDS_*, NF_SPLIT_*
 */
export async function readMembers(source: DataSource): Promise<Members> {
  const { file, classes, partsOf } = await openTable(source);
  return { ...partsOf(source.site), classes, file };
}

/** A data set's table and split, read and checked. */
interface Table {
  readonly file: string;
  readonly classes: readonly string[];
  partsOf(site: string): Record<Partition, readonly Participant[]>;
}

let known: { readonly stamp: string; readonly table: Promise<Table> } | undefined;

/** The same table serves site after site of a thread, as long as its files are what they were: of a thousand sites each would read it all. */
async function openTable({ root, split }: DataSource): Promise<Table> {
  const paths = [join(root, 'participants.tsv'), join(root, 'participants.json'), ...(split ? [split] : [])];
  const stamp = JSON.stringify([paths, ...(await Promise.all(paths.map(stampOf)))]);
  if (known?.stamp === stamp) return known.table;
  const table = readTable(root, split);
  known = { stamp, table };
  return table;
}

async function stampOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && [found.ino, found.size, found.mtimeNs, found.ctimeNs].join();
}

async function readTable(root: string, split: string | undefined): Promise<Table> {
  const file = join(root, 'participants.tsv');
  const participants = await readParticipants(root);
  if (!participants.columns.includes(COLUMN.diagnosis)) {
    throw flError('NF_DATA_COLUMN', { column: COLUMN.diagnosis }, { place: { file, line: 1 } });
  }
  const classes = await findClasses(root, participants);
  if (split) return { file, classes, partsOf: await partsOfSplit(split, participants) };
  const parts = partsOfColumn(participants, file);
  return { file, classes, partsOf: () => parts };
}

async function partsOfSplit(path: string, participants: Participants): Promise<Table['partsOf']> {
  const split = await readSplit(path);
  checkSplit(split, participants);
  const sites = new Map(split.sites.map((site) => [site.name, site]));
  const rows = new Map(participants.rows.map((row) => [row.id, row]));
  return (site) => {
    const own = sites.get(site);
    if (!own) {
      const names = [...sites.keys()];
      const params = { site, nearest: didYouMean(site, names), known: names.join(', ') };
      throw flError('NF_DATA_SITE_UNKNOWN', params, { place: { file: path, site } });
    }
    const pick = (part: Partition) => own[part].flatMap((id) => rows.get(id) ?? []);
    return { train: pick('train'), validation: pick('validation'), test: pick('test') };
  };
}

function partsOfColumn({ columns, rows }: Participants, file: string): Record<Partition, Participant[]> {
  if (!columns.includes(COLUMN.partition)) throw flError('NF_DATA_NOT_SPLIT', {}, { place: { file } });
  const parts: Record<Partition, Participant[]> = { train: [], validation: [], test: [] };
  for (const row of rows) {
    const value = row.values.get(COLUMN.partition);
    if (value === undefined || row.values.has(COLUMN.setAside)) continue;
    const part = PARTITIONS.find((name) => name === value);
    if (!part) {
      const params = { value, participant: row.id, nearest: didYouMean(value, PARTITIONS) };
      throw flError('NF_DATA_PARTITION', params, { place: { file, line: row.line, key: COLUMN.partition } });
    }
    parts[part].push(row);
  }
  checkGroups(
    PARTITIONS.flatMap((place) => parts[place].map((row) => ({ row, place }))),
    file,
  );
  return parts;
}

/** The classes that participants.json declares (a site's own table may lack some), else those of the table; sorted. */
async function findClasses(root: string, { rows }: Participants): Promise<string[]> {
  const declared = await declaredLevels(join(root, 'participants.json'));
  const found = rows
    .filter(({ values }) => !values.has(COLUMN.setAside))
    .flatMap(({ values }) => values.get(COLUMN.diagnosis) ?? []);
  return [...new Set(declared ?? found)].filter((name) => name !== 'n/a').sort();
}

async function declaredLevels(file: string): Promise<string[] | undefined> {
  const text = await readInputText(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const sidecar = JSON.parse(text) as { diagnosis?: { Levels?: Record<string, unknown> } } | null;
    const levels = sidecar?.diagnosis?.Levels;
    return levels && typeof levels === 'object' ? Object.keys(levels) : undefined;
  } catch (cause) {
    throw flError('NF_DATA_SIDECAR', { message: (cause as Error).message }, { place: { file }, cause });
  }
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  COLUMN,
  type Participant,
  type Participants,
  readParticipants,
} from '../../../preprocess/bids/participants.ts';
import { checkGroups, checkSplit } from '../../../preprocess/split/check.ts';
import { PARTITIONS, type Partition, readSplit } from '../../../preprocess/split/manifest.ts';
import { flError } from '../../kernel/errors.ts';
import { didYouMean } from '../../kernel/nearest.ts';

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
  const file = join(source.root, 'participants.tsv');
  const participants = await readParticipants(source.root);
  if (!participants.columns.includes(COLUMN.diagnosis)) {
    throw flError('NF_DATA_COLUMN', { column: COLUMN.diagnosis }, { place: { file, line: 1 } });
  }
  const classes = await findClasses(source.root, participants);
  const parts = source.split
    ? await partsOfSplit(source.split, source.site, participants)
    : partsOfColumn(participants, file);
  return { ...parts, classes, file };
}

async function partsOfSplit(path: string, site: string, participants: Participants) {
  const split = await readSplit(path);
  checkSplit(split, participants);
  const own = split.sites.find(({ name }) => name === site);
  if (!own) {
    const names = split.sites.map(({ name }) => name);
    const params = { site, nearest: didYouMean(site, names), known: names.join(', ') };
    throw flError('NF_DATA_SITE_UNKNOWN', params, { place: { file: path, site } });
  }
  const rows = new Map(participants.rows.map((row) => [row.id, row]));
  const pick = (part: Partition) => own[part].flatMap((id) => rows.get(id) ?? []);
  return { train: pick('train'), validation: pick('validation'), test: pick('test') };
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
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
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

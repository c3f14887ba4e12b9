import { dirname } from 'node:path';
import { canonicalJson, sha256 } from '../../runtime/base/digest.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { DEFAULTS, isDefault, type Selection } from '../../runtime/base/selection/selection.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import { didYouMean } from '../../runtime/base/text/nearest.ts';
import { mapPool } from '../../runtime/base/threads/map-pool.ts';
import { channelNames, describeImages, type Incomplete, sessionOf } from '../bids/choose-images.ts';
import { channelMissing, listExamples } from '../bids/layout.ts';
import {
  COLUMN,
  isUsed,
  listParticipants,
  type Participant,
  type Participants,
} from '../bids/participants.ts';
import { findColumn, type LabelCell, type LabelColumn, PARTICIPANTS } from './label-cells.ts';
import { type LabelValue, labelOfCells, readValues } from './label-values.ts';
import { withPeople } from './people.ts';
import { selectionFor } from './record.ts';

/** Where labels come from, and how each value is read. */
export interface LabelSource {
  readonly table: string;
  readonly column: string;
  readonly values: readonly LabelValue[];
}

/**
 * The participants of a data set as a selection sees them: in `diagnosis` stands the label that is trained on, wherever it came from, in `group_id` what
 * keeps images together.
 */
export interface Subjects extends Participants {
  readonly selection: Selection;
  /** Undefined where no table has the label column. */
  readonly labels: LabelSource | undefined;
  /** Columns there are, where labels were looked for in vain. */
  readonly known: readonly { readonly table: string; readonly columns: readonly string[] }[];
  /** Why a participant has no label, by id; those with one are not in it. */
  readonly unlabelled: ReadonlyMap<string, string>;
  /** Those of them who have one, and lack images: by id, with what is missing. */
  readonly incomplete: ReadonlyMap<string, string>;
  /** Where the label of a participant stands. */
  readonly labelAt: ReadonlyMap<string, LabelCell>;
}

const READERS = 8;

/**
 * Reads who is in a data set, with label and group as a selection has them, and who has all channels: whoever must not be left out is named, others have no
 * label then, with the reason.
 * @throws NF_SELECT_CHANNEL_MISSING, NF_SELECT_CHANNEL_NOBODY, and as `readTables`
 */
export async function readSubjects(root: string, said?: Selection, otherwise?: Selection): Promise<Subjects> {
  return requireChannels(root, await readTables(root, said, otherwise));
}

/**
 * As `readSubjects`, by the tables alone. Labels are read without blanks, no-break spaces and quotes around them.
 * @param said the selection; undefined: that of the data set, where `preprocess split` made it for a site, else T1w images and `diagnosis`
 * @throws NF_SELECT_* with file and line, NF_BIDS_*
 * @param otherwise in place of the latter
 */
export async function readTables(root: string, said?: Selection, otherwise?: Selection): Promise<Subjects> {
  const participants = await listParticipants(root);
  const selection = await selectionFor(root, said, otherwise);
  const found = await findColumn(root, participants, selection);
  const column = 'known' in found ? undefined : found;
  const values = column && readValues(wantedCells(participants, column), column.column, selection);
  const labelled = await labelRows({ root, participants, column, values, selection });
  const rows = await groupRows(root, { ...participants, rows: labelled.rows }, selection);
  const columns = new Set(participants.columns);
  if (column) columns.add(COLUMN.diagnosis);
  else columns.delete(COLUMN.diagnosis);
  if (selection.group_column !== undefined) columns.add(COLUMN.group);
  return {
    ...participants,
    ...labelled,
    incomplete: new Map(),
    columns: [...columns],
    rows,
    selection,
    labels: column && { table: column.table, column: column.column, values: values ?? [] },
    known: 'known' in found ? found.known : [],
    // The digest of participants.tsv covers what is read there by default.
    selectedSha256:
      isDefault(selection) && (column?.table ?? PARTICIPANTS) === PARTICIPANTS ? undefined : digestOf(rows),
  };
}

/** Looks for the channels of everybody who has a label, where a selection names some. */
async function requireChannels(root: string, subjects: Subjects): Promise<Subjects> {
  const { rows, selection, unlabelled } = subjects;
  const used = selection.channels ? rows.filter(isUsed) : [];
  if (used.length === 0) return subjects;
  const found = await mapPool(used, { jobs: READERS }, async ({ id }) => {
    return { participant: id, ...(await listExamples(root, id, selection)) };
  });
  const lacking = found.filter(({ incomplete }) => incomplete.length > 0);
  if (found.every(({ examples }) => examples.length === 0)) throw nobody(root, lacking, selection);
  if (selection.incomplete !== 'drop') {
    if (lacking.length > 0) throw channelMissing(lacking, root);
    return subjects;
  }
  const without = found.filter(({ examples }) => examples.length === 0);
  const dropped = new Map(
    without.map(({ participant, incomplete: [first] }) => {
      return [participant, `no ${first ? first.missing.join(', no ') : describeImages(selection)}`];
    }),
  );
  if (dropped.size === 0) return subjects;
  const kept = rows.map((row) => (dropped.has(row.id) ? withCell(row, COLUMN.diagnosis, undefined) : row));
  return {
    ...subjects,
    rows: kept,
    unlabelled: new Map([...unlabelled, ...dropped]),
    incomplete: dropped,
    selectedSha256: digestOf(kept),
  };
}

function nobody(
  root: string,
  lacking: readonly { incomplete: readonly Incomplete[] }[],
  selection: Selection,
) {
  const missing = lacking.flatMap(({ incomplete }) => incomplete.flatMap((one) => one.missing));
  const counts = channelNames(selection).map((name) => {
    const count = missing.filter((one) => one === name).length;
    return count === 0 ? [] : [`${counted(count, 'example')} without ${name}`];
  });
  const named = counts.flat().join(', ') || 'there is no image of any channel';
  return flError('NF_SELECT_CHANNEL_NOBODY', { path: root, named }, { place: { file: root } });
}

/** @throws NF_DATA_COLUMN where labels were looked for in vain */
export function requireLabels(subjects: Subjects): void {
  if (!subjects.labels) throw missingLabels(subjects);
}

/** Names the columns there are, if there are any. */
export function missingLabels({ known, selection, columns, file }: Subjects) {
  if (columns.length === 0 && known.length === 0) {
    const path = dirname(file);
    return flError('NF_BIDS_NO_TABLE', { path }, { place: { file: path } });
  }
  const column = selection.label_column ?? DEFAULTS.label_column;
  const names = known.flatMap(({ columns }) => columns);
  const params = {
    column,
    nearest: didYouMean(column, names),
    tables: selection.labels ?? known.map(({ table }) => table).join(', '),
    known: known
      .map(({ table, columns }) => `${table}: ${columns.map((name) => `'${name}'`).join(', ')}`)
      .join('; '),
  };
  return flError('NF_DATA_COLUMN', params, { place: { file, line: 1 } });
}

/** Cells of participants that are there and not set aside. */
function wantedCells({ rows }: Participants, { cells }: LabelColumn): LabelCell[] {
  return rows.flatMap(({ id, values }) => (values.has(COLUMN.setAside) ? [] : (cells.get(id) ?? [])));
}

async function labelRows(what: {
  root: string;
  participants: Participants;
  column: LabelColumn | undefined;
  values: readonly LabelValue[] | undefined;
  selection: Selection;
}): Promise<{ rows: Participant[]; unlabelled: Map<string, string>; labelAt: Map<string, LabelCell> }> {
  const { root, participants, column, values = [], selection } = what;
  const unlabelled = new Map<string, string>();
  const labelAt = new Map<string, LabelCell>();
  const labels = new Map(values.map(({ value, label }) => [value, label]));
  const rows = await mapPool(participants.rows, { jobs: READERS }, async (row) => {
    if (row.values.has(COLUMN.setAside)) return row;
    const cells = column && (await cellsOfImages(root, row.id, { column, selection }));
    const found = column && cells && labelOfCells(row.id, cells, { column, labels });
    if (found && found.label !== null) {
      labelAt.set(row.id, found.cell);
      return withCell(row, COLUMN.diagnosis, found.label);
    }
    const isMapped = found && selection.label_map !== undefined;
    const reason = found
      ? `label '${found.cell.value}'${isMapped ? ' is left out by the label map' : ''}`
      : NO_LABEL;
    unlabelled.set(row.id, reason);
    return withCell(row, COLUMN.diagnosis, undefined);
  });
  return { rows, unlabelled, labelAt };
}

export const NO_LABEL = 'no diagnosis';

/** Those rows that are about the subject, or about a session of which an image is taken. */
async function cellsOfImages(
  root: string,
  participant: string,
  { column, selection }: { column: LabelColumn; selection: Selection },
): Promise<readonly LabelCell[]> {
  const cells = column.cells.get(participant) ?? [];
  if (cells.every(({ session }) => session === undefined)) return cells;
  const { examples } = await listExamples(root, participant, selection);
  const sessions = new Set(examples.map(([path = '']) => sessionOf(path)));
  return cells.filter(({ session }) => session === undefined || sessions.has(session));
}

/** @throws NF_SPLIT_COLUMN, NF_SELECT_GROUP where one that has a label has no group */
async function groupRows(
  root: string,
  participants: Participants,
  { group_column: name, labels }: Selection,
): Promise<readonly Participant[]> {
  if (name === undefined) return participants.rows;
  const tables = [undefined, labels].filter((table, at) => at === 0 || table !== undefined);
  const searched = await Promise.all(
    tables.map((table) => findColumn(root, participants, { labels: table, label_column: name })),
  );
  const column = searched.find((one) => 'cells' in one);
  if (!column || !('cells' in column)) {
    const known = searched.flatMap((one) =>
      'known' in one ? one.known.flatMap(({ columns }) => columns) : [],
    );
    const params = { column: name, nearest: didYouMean(name, known), known: known.join(', ') };
    throw flError('NF_SPLIT_COLUMN', params, { place: { file: participants.file, line: 1 } });
  }
  const grouped = participants.rows.map((row) => {
    const groups = [...new Set((column.cells.get(row.id) ?? []).map(({ value }) => value))];
    const [group, other] = groups;
    if (isUsed(row) && (group === undefined || other !== undefined)) {
      const problem = group === undefined ? 'has no value' : `has two values, '${group}' and '${other}',`;
      const params = { participant: row.id, column: column.column, problem };
      throw flError('NF_SELECT_GROUP', params, {
        place: { file: participants.file, line: row.line, key: column.column },
      });
    }
    return withCell(row, COLUMN.group, group);
  });
  return withPeople(grouped, participants.rows);
}

function withCell(row: Participant, column: string, value: string | undefined): Participant {
  if (row.values.get(column) === value) return row;
  const values = new Map(row.values);
  if (value === undefined) values.delete(column);
  else values.set(column, value);
  return { ...row, values };
}

function digestOf(rows: readonly Participant[]): string {
  const seen = rows.map(({ id, values }) => [
    id,
    ...[COLUMN.diagnosis, COLUMN.group, COLUMN.setAside].map((column) => values.get(column) ?? null),
  ]);
  return sha256(canonicalJson(seen));
}

import { flError } from '../../runtime/base/errors/errors.ts';
import { didYouMean } from '../../runtime/base/text/nearest.ts';
import { COLUMN, groupOf, type Participant, type Participants } from '../bids/participants.ts';
import { PARTITIONS, type SplitManifest } from './manifest.ts';

/**
 * Holds a split against the data set it is to be used with, as its selection reads it, before anything is trained: invariant 5 (images of one
 * subject or one group never stand on both sides of a split or at two sites), no unknown, doubled or set-aside participants.
 * @throws NF_SPLIT_DATASET_CHANGED, NF_SELECT_CHANGED, NF_SPLIT_PARTICIPANT_UNKNOWN, NF_SPLIT_PARTICIPANT_TWICE, NF_SPLIT_SET_ASIDE,
 *   NF_SPLIT_GROUP_CROSSES, NF_SPLIT_TRAIN_EMPTY.
 */
export function checkSplit(split: SplitManifest, participants: Participants): void {
  const expected = split.dataset.participants_sha256;
  if (expected !== participants.sha256) {
    const params = { expected: expected.slice(0, 12), actual: participants.sha256.slice(0, 12) };
    throw flError('NF_SPLIT_DATASET_CHANGED', params, { place: { file: participants.file } });
  }
  if (split.selected && split.selected.table_sha256 !== participants.selectedSha256) {
    const { table, column } = split.selected.labels;
    throw flError('NF_SELECT_CHANGED', { table }, { place: { file: participants.file, key: column } });
  }
  checkGroups(assignments(split, participants), participants.file);
  const empty = split.sites.find((site) => site.train.length === 0);
  if (empty) throw flError('NF_SPLIT_TRAIN_EMPTY', { site: empty.name }, { place: { site: empty.name } });
}

/** A participant, and where it was put: a part, or a site and a part. */
export interface Assignment {
  readonly row: Participant;
  readonly place: string;
}

/**
 * Invariant 5 by itself; `file` is the table of the rows.
 * @throws NF_SPLIT_GROUP_CROSSES where images of one subject or group stand in two places
 */
export function checkGroups(assignments: Iterable<Assignment>, file: string): void {
  const homes = new Map<string, { place: string; id: string }>();
  for (const { row, place } of assignments) {
    const group = groupOf(row);
    const home = homes.get(group);
    if (home && home.place !== place) {
      const crossing = { group, one: home.id, first: home.place, other: row.id, second: place };
      throw flError('NF_SPLIT_GROUP_CROSSES', crossing, {
        place: { file, line: row.line, key: COLUMN.group },
      });
    }
    homes.set(group, { place, id: row.id });
  }
}

/** Each one a participant that may be used, and named once. */
function* assignments(split: SplitManifest, participants: Participants): Generator<Assignment> {
  const rows = new Map(participants.rows.map((row) => [row.id, row]));
  const seen = new Map<string, string>();
  for (const { id, place } of namings(split)) {
    const first = seen.get(id);
    if (first !== undefined) {
      throw flError('NF_SPLIT_PARTICIPANT_TWICE', { participant: id, first, second: place });
    }
    seen.set(id, place);
    const row = known(id, rows, participants.file);
    const reason = row.values.get(COLUMN.setAside);
    if (reason !== undefined) {
      const at = { file: participants.file, line: row.line, key: COLUMN.setAside };
      throw flError('NF_SPLIT_SET_ASIDE', { participant: row.id, reason, place }, { place: at });
    }
    yield { row, place };
  }
}

function* namings(split: SplitManifest): Generator<{ id: string; place: string }> {
  for (const site of split.sites) {
    for (const part of PARTITIONS) {
      for (const id of site[part]) yield { id, place: `${site.name} ${part}` };
    }
  }
}

function known(id: string, rows: ReadonlyMap<string, Participant>, file: string): Participant {
  const row = rows.get(id);
  if (row) return row;
  const params = { participant: id, nearest: didYouMean(id, rows.keys()) };
  throw flError('NF_SPLIT_PARTICIPANT_UNKNOWN', params, { place: { file } });
}

import { sha256 } from '../../runtime/base/digest.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { writeFileAtomic } from '../../runtime/base/files/files.ts';
import { readInput } from '../../runtime/base/files/read-file.ts';
import { didYouMean } from '../../runtime/base/text/nearest.ts';
import { JoinedNames } from '../bids/joined-names.ts';
import { COLUMN, groupOf, type Participants } from '../bids/participants.ts';
import { PARTICIPANT_TABLE, parseTable } from '../bids/table.ts';

/** Pairs that stay together. */
export interface Links {
  readonly pairs: readonly (readonly [string, string])[];
  readonly sha256: string;
}

/** Two participants whose images are so alike that a split should not part them. */
export interface ImageLink {
  readonly one: string;
  readonly other: string;
  /** `copy`: the same voxels; `alike`: the same picture, or nearly so; `mirrored`: with left and right exchanged. */
  readonly kind: 'copy' | 'alike' | 'mirrored';
  /** Of what was compared, up to 1. */
  readonly correlation: number;
}

/** A table of links, which `preprocess split --links` reads; who thinks otherwise of a pair takes its line out. */
export async function writeLinks(path: string, links: readonly ImageLink[]): Promise<void> {
  const rows = links.map(({ one, other, kind, correlation }) => [one, other, kind, correlation.toFixed(4)]);
  const lines = [[COLUMN.id, COLUMN.other, 'kind', 'correlation'], ...rows];
  await writeFileAtomic(path, lines.map((cells) => `${cells.join('\t')}\n`).join(''));
}

/**
 * Reads a table of pairs, columns participant_id and other_id, others as they like; one without any pair is fine.
 * @throws NF_SPLIT_LINKS with the line; NF_BIDS_PARTICIPANTS for a table that is not whole; NF_PATH_MISSING
 */
export async function readLinks(path: string, { rows }: Participants): Promise<Links> {
  const bytes = await readInput(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR') throw cause;
    throw flError('NF_PATH_MISSING', { what: 'Table of links', path }, { place: { file: path }, cause });
  });
  const known = new Set(rows.map(({ id }) => id));
  const isEmpty = Buffer.from(bytes).toString('latin1').trim().split(/\r?\n/).length < 2;
  const table = isEmpty ? { columns: [COLUMN.other], rows: [] } : parseTable(bytes, path, PARTICIPANT_TABLE);
  const bad = (detail: string, line: number) =>
    flError('NF_SPLIT_LINKS', { detail }, { place: { file: path, line } });
  if (!table.columns.includes(COLUMN.other)) throw bad(`it has no column '${COLUMN.other}'`, 1);
  const pairs = table.rows.map(({ id, line, values }) => {
    const other = values.get(COLUMN.other) ?? 'n/a';
    for (const one of [id, other])
      if (!known.has(one)) throw bad(`'${one}' is no participant.${didYouMean(one, known)}`, line);
    return [id, other] as const;
  });
  return { pairs, sha256: sha256(bytes) };
}

/** The same participants with linked groups made one, under the name that comes first. */
export function joinGroups<Table extends Participants>(participants: Table, { pairs }: Links): Table {
  const names = new JoinedNames();
  const groups = new Map(participants.rows.map((row) => [row.id, groupOf(row)]));
  for (const [one, other] of pairs) {
    const [keep, join] = [groups.get(one) ?? one, groups.get(other) ?? other]
      .map((name) => names.rootOf(name))
      .sort();
    if (keep !== undefined && join !== undefined) names.join(join, keep);
  }
  const rows = participants.rows.map((row) => {
    const [group, root] = [groupOf(row), names.rootOf(groupOf(row))];
    return group === root ? row : { ...row, values: new Map([...row.values, [COLUMN.group, root]]) };
  });
  return { ...participants, rows };
}

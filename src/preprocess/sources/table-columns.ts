import { flError } from '../../runtime/base/errors/errors.ts';
import { didYouMean } from '../../runtime/base/text/nearest.ts';
import type { TableText } from './table-text.ts';

/** What a column may be for. */
export const ROLES = ['file', 'label', 'group', 'site', 'session', 'mask'] as const;
export type Role = (typeof ROLES)[number];

/** Names that stand for a role without being given, compared by letters and digits alone. */
const NAMES: Readonly<Record<Role, readonly string[]>> = {
  file: ['file', 'filename', 'filepath', 'path', 'image', 'imagefile', 'imagepath', 'img', 'nifti', 'volume'],
  label: ['label', 'diagnosis', 'class', 'dx', 'target', 'category', 'grade'],
  group: ['group', 'groupid', 'patient', 'patientid', 'subject', 'subjectid', 'participantid', 'pid'],
  site: ['site', 'siteid', 'sitename', 'center', 'centre', 'hospital', 'institution'],
  session: ['session', 'sessionid', 'ses', 'visit', 'visitid', 'timepoint'],
  mask: ['mask', 'maskfile', 'maskpath', 'seg', 'segmentation', 'lesionmask'],
};

const WHAT: Readonly<Record<Role, string>> = {
  file: 'image file',
  label: 'label',
  group: 'patient',
  site: 'site',
  session: 'session',
  mask: 'lesion mask',
};

/** Columns that the user named, by role. */
export type NamedColumns = Readonly<Partial<Record<Role, string | undefined>>>;

/** For each role the index of its column; undefined for none. */
export type FoundColumns = Readonly<Record<Role, number | undefined>>;

/** A role whose column is not clear. */
export interface OpenRole {
  readonly what: string;
  readonly flag: string;
  readonly detail: string;
}

/**
 * Which column is for what: as the user says, else by its name.
 * @param needed roles that a table must have
 * @throws NF_TABLE_COLUMN with all roles that are left open, and the columns there are
 */
export function findColumns(
  table: Pick<TableText, 'file' | 'columns'>,
  named: NamedColumns,
  needed: readonly Role[],
): FoundColumns {
  const found = ROLES.map((role) => {
    return { role, ...findColumn(table, { role, named: named[role], isNeeded: needed.includes(role) }) };
  });
  const open = found.flatMap(({ role, at, fault }, index) => {
    const other = found.slice(0, index).find((one) => one.at !== undefined && one.at === at);
    const shared = other && `'${table.columns[at ?? 0]}' is named for the ${WHAT[other.role]}, too`;
    const detail = fault ?? shared;
    return detail === undefined ? [] : [{ what: WHAT[role], flag: `--${role}-column`, detail }];
  });
  if (open.length > 0) throw openColumns(table, open);
  return Object.fromEntries(found.map(({ role, at }) => [role, at])) as Record<Role, number | undefined>;
}

/** Its index, or why it is not clear; neither where the table need not have it. */
function findColumn(
  { columns }: Pick<TableText, 'columns'>,
  { role, named, isNeeded }: { role: Role; named: string | undefined; isNeeded: boolean },
): { at?: number | undefined; fault?: string } {
  if (named !== undefined) {
    const at = columns.indexOf(named.trim());
    if (at !== -1 && named.trim() !== '') return { at };
    return { fault: `it has no column '${named}'.${didYouMean(named, columns)}` };
  }
  const fitting = [...columns.keys()].filter((at) => NAMES[role].includes(bare(columns[at] ?? '')));
  if (fitting.length > 1)
    return { fault: `${fitting.map((at) => `'${columns[at]}'`).join(' and ')} may be it` };
  if (fitting.length === 0 && isNeeded) return { fault: 'no column has a name for it' };
  return { at: fitting[0] };
}

function bare(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** NF_TABLE_COLUMN for these roles. */
export function openColumns(
  { file, columns }: Pick<TableText, 'file' | 'columns'>,
  open: readonly OpenRole[],
) {
  const sentences = open.map(
    ({ what, detail }) => `${capital(what)}: ${detail}${/[.?]$/.test(detail) ? '' : '.'}`,
  );
  const params = {
    detail: sentences.join(' '),
    flags: open.map(({ flag }) => flag).join(', '),
    known: columns.filter((name) => name !== '').join(', '),
  };
  return flError('NF_TABLE_COLUMN', params, { place: { file, line: 1 } });
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

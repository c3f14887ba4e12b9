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

/**
 * Which column is for what: as the user says, else by its name.
 * @param needed roles that a table must have
 * @throws NF_TABLE_COLUMN with the columns there are
 */
export function findColumns(
  table: Pick<TableText, 'file' | 'columns'>,
  named: NamedColumns,
  needed: readonly Role[],
): FoundColumns {
  const found = Object.fromEntries(
    ROLES.map((role) => [
      role,
      findColumn(table, { role, named: named[role], isNeeded: needed.includes(role) }),
    ]),
  ) as Record<Role, number | undefined>;
  for (const [at, role] of ROLES.entries()) {
    const other = ROLES.slice(0, at).find((one) => found[one] !== undefined && found[one] === found[role]);
    if (other === undefined) continue;
    const column = table.columns[found[role] ?? 0];
    throw fault(table, role, `'${column}' is named for the ${WHAT[other]}, too`);
  }
  return found;
}

function findColumn(
  table: Pick<TableText, 'file' | 'columns'>,
  { role, named, isNeeded }: { role: Role; named: string | undefined; isNeeded: boolean },
): number | undefined {
  const { columns } = table;
  if (named !== undefined) {
    const at = columns.indexOf(named.trim());
    if (at !== -1 && named.trim() !== '') return at;
    throw fault(table, role, `it has no column '${named}'`, didYouMean(named, columns));
  }
  const fitting = [...columns.keys()].filter((at) => NAMES[role].includes(bare(columns[at] ?? '')));
  if (fitting.length > 1) {
    throw fault(table, role, `${fitting.map((at) => `'${columns[at]}'`).join(' and ')} may be it`);
  }
  if (fitting.length === 0 && isNeeded) throw fault(table, role, 'no column has a name for it');
  return fitting[0];
}

function bare(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

function fault(
  { file, columns }: Pick<TableText, 'file' | 'columns'>,
  ...[role, detail, nearest = '']: [role: Role, detail: string, nearest?: string]
) {
  const known = columns.filter((name) => name !== '').join(', ');
  const params = { role: WHAT[role], flag: `${role}-column`, detail, nearest, known };
  return flError('NF_TABLE_COLUMN', params, { place: { file, line: 1 } });
}

import { basename, isAbsolute, relative, resolve, sep } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import { compareText } from '../../runtime/base/text/compare-text.ts';
import type { Examination, ExaminationSource } from '../bids/examination.ts';
import type { Fault } from '../image/fault.ts';
import { readVolume, volumeFormat } from '../volume/read-volume.ts';
import type { Exclusion } from './exclude.ts';
import type { LabelMap } from './label-map.ts';
import { fileFault, filesOfVolumes, sourceRoot } from './list-folder.ts';
import { findColumns, type NamedColumns } from './table-columns.ts';
import { badRows, type RowFault, readRows, type TableRow } from './table-rows.ts';
import { readTableText, type TableText } from './table-text.ts';

export interface TableSource {
  /** Folder that paths in the table begin at, and do not leave. */
  readonly source: string;
  readonly table: string;
  readonly columns: NamedColumns;
  readonly labels: LabelMap | undefined;
  readonly exclusion: Exclusion;
  readonly suffix: string;
  readonly skullStripped: boolean;
}

/** A row whose files are there. */
interface Located {
  readonly row: TableRow;
  readonly image: string;
  readonly mask: string | undefined;
}

/**
 * The images that a table names, with their labels, patients, sites and sessions. All of them are volumes, or all are pictures.
 * @throws NF_PATH_MISSING, NF_TABLE_*
 */
export async function readTable(what: TableSource): Promise<ExaminationSource> {
  const table = await readTableText(what.table);
  const columns = findColumns(table, what.columns, ['file', 'label']);
  const read = readRows(table, columns, what.labels);
  const root = await sourceRoot(what.source);
  const kept = read.rows.filter(({ file }) => !what.exclusion.isExcluded(file.replaceAll('\\', '/')));
  const located: Located[] = [];
  const [rowFaults, faults]: [RowFault[], Fault[]] = [[...read.faults], []];
  for (const row of kept) {
    const found = await locate(row, { root, table });
    if ('image' in found) located.push(found);
    else if ('code' in found) faults.push(found);
    else rowFaults.push(found);
  }
  rowFaults.push(...doubled(located), ...mixed(located));
  if (rowFaults.length > 0) throw badRows(rowFaults, table);
  const isOfVolumes = located.some(({ image }) => volumeFormat(image));
  if (!isOfVolumes && columns.mask !== undefined) {
    throw flError('NF_BIDS_FLAG_UNUSED', {
      flag: 'mask-column',
      reason: 'masks are read beside volumes only',
    });
  }
  const examinations: Examination[] = [];
  for (const one of located) {
    const made = await examinationOf(one, { what, table, root });
    if ('key' in made) examinations.push(made);
    else faults.push(made);
  }
  const { suffix, skullStripped } = what;
  return {
    kind: isOfVolumes ? 'volumes' : 'pictures',
    examinations: examinations.sort((a, b) => compareText(a.key, b.key)),
    faults,
    texts: {
      what: isOfVolumes ? 'volumes that a table names' : 'JPEG and PNG images that a table names',
      images: `The contrast is ${suffix} and the skull ${skullStripped ? 'was removed' : 'is in the images'}, as whoever made the data set says.`,
      skullStripped,
      ...(columns.mask !== undefined && { mask: 'Values are those of the masks that the table names.' }),
    },
  };
}

/** Files that lead out of the source are a fault of the table; a file that is not there is one of its row alone. */
async function locate(
  row: TableRow,
  at: { root: string; table: TableText },
): Promise<Located | Fault | RowFault> {
  if ([row.file, row.mask ?? ''].some(isOfOtherMachine)) {
    const detail =
      'names a file by a drive or share of Windows that is not here: begin paths at the source folder';
    return { line: row.line, detail };
  }
  const image = pathIn(at.root, row.file);
  const mask = row.mask === undefined ? undefined : pathIn(at.root, row.mask);
  const outside = { line: row.line, detail: 'names a file outside of the source folder' };
  if (image === undefined || (row.mask !== undefined && mask === undefined)) return outside;
  for (const [path, name] of [[image, 'image'], ...(mask === undefined ? [] : [[mask, 'mask']])] as const) {
    const fault = await fileFault(at.root, path ?? '');
    if (fault?.code === 'link_outside') return outside;
    if (fault) return { ...fault, ...placeOf(row, at.table), detail: `${name}: ${fault.detail}` };
  }
  return { row, image, mask };
}

/** Absolute paths are taken where they lie in the source; `\` parts folders, as in tables from Windows. */
function pathIn(root: string, written: string): string | undefined {
  const path = resolve(root, written.includes('/') ? written : written.replaceAll('\\', '/'));
  const inside = relative(root, path);
  if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside))
    return undefined;
  return path;
}

/** `C:\\scans\\1.nii` or `\\\\server\\scans\\1.nii`, where such paths lead nowhere. */
function isOfOtherMachine(written: string): boolean {
  return !isAbsolute(written) && /^([A-Za-z]:[\\/]|\\\\)/.test(written);
}

function placeOf({ line }: { line: number }, { file }: TableText) {
  return { path: `${basename(file)}:${line}`, place: { file, line } };
}

/** Rows that name a file of an earlier row. */
function doubled(located: readonly Located[]): RowFault[] {
  const first = new Map<string, TableRow>();
  return located.flatMap(({ row, image }): RowFault[] => {
    const earlier = first.get(image);
    if (!earlier) {
      first.set(image, row);
      return [];
    }
    const labels = earlier.label === row.label ? '' : ', under another label';
    return [{ line: row.line, detail: `names the file of line ${earlier.line}${labels}` }];
  });
}

/** Rows with another kind of file than the first. */
function mixed(located: readonly Located[]): RowFault[] {
  const [first] = located;
  if (!first) return [];
  const isVolume = (one: Located) => volumeFormat(one.image) !== undefined;
  return located
    .filter((one) => isVolume(one) !== isVolume(first))
    .map(({ row }) => {
      const [own, other] = isVolume(first) ? ['picture', 'volume'] : ['volume', 'picture'];
      return {
        line: row.line,
        detail: `names a ${own}, line ${first.row.line} a ${other}: one data set holds one kind`,
      };
    });
}

async function examinationOf(
  { row, image, mask }: Located,
  { what, table, root }: { what: TableSource; table: TableText; root: string },
): Promise<Examination | Fault> {
  const { path: shown, place } = placeOf(row, table);
  const common = {
    key: `line ${String(row.line).padStart(9, '0')}`,
    label: row.label,
    patient: row.group,
    site: row.site,
    session: row.session,
    origin: { line: row.line },
    shown,
    place,
  };
  if (!volumeFormat(image)) return { ...common, files: [image], content: { kind: 'picture' } };
  const found = await filesOfVolumes(root, mask === undefined ? [image] : [image, mask]);
  if ('code' in found) return { ...found, path: shown, place };
  return {
    ...common,
    files: found.files,
    content: {
      kind: 'volumes',
      images: [{ name: what.suffix, read: () => readVolume(image) }],
      mask: mask === undefined ? undefined : { name: 'mask', read: () => readVolume(mask) },
    },
  };
}

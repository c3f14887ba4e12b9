import { stat } from 'node:fs/promises';
import type { ExaminationSource } from '../bids/examination.ts';
import { findBratsCases, readBrats } from './brats.ts';
import { readClassFolders } from './class-folders.ts';
import { type Exclusion, exclusionOf } from './exclude.ts';
import { findMatFiles, readFigshare } from './figshare.ts';
import { type LabelMap, readLabelMap } from './label-map.ts';
import { sourceRoot } from './list-folder.ts';
import { isNnunet, readNnunet } from './nnunet.ts';
import { readTable } from './table.ts';
import type { NamedColumns } from './table-columns.ts';

/** Where images come from, and what is said of them. */
export interface SourceOptions {
  readonly source: string;
  /** File with lines `folder: label`, or `label of the table: label`; without it Kaggle's folder names are known, and labels of a table stay. */
  readonly labelMap: string | undefined;
  /** Names or paths that are left out. */
  readonly exclude?: readonly string[];
  /** CSV or TSV file with a row an image. */
  readonly table?: string | undefined;
  readonly columns?: NamedColumns;
  /** Contrast of the volumes that a table names. */
  readonly suffix?: string | undefined;
  readonly skullStripped?: boolean;
}

/**
 * Looks what a folder holds: a data set of nnU-Net, cases of BraTS, slices of figshare's set, images that a table names, or class folders.
 * @throws NF_PATH_MISSING, NF_BIDS_*, NF_TABLE_*
 */
export async function openSource(options: SourceOptions): Promise<ExaminationSource> {
  const exclusion = exclusionOf(options.exclude ?? []);
  const labels = options.labelMap === undefined ? undefined : await readLabelMap(options.labelMap);
  const found = await findSource(options, { exclusion, labels });
  try {
    exclusion.requireUsed(options.source);
  } catch (error) {
    await found.close?.();
    throw error;
  }
  return found;
}

async function findSource(
  options: SourceOptions,
  { exclusion, labels }: { exclusion: Exclusion; labels: LabelMap | undefined },
): Promise<ExaminationSource> {
  const { source, table, suffix, skullStripped = false, columns = {} } = options;
  const root = await sourceRoot(source);
  const isFolder = (await stat(root)).isDirectory();
  const common = { source, root, table, columns, labels };
  if (isFolder && (await isNnunet(root))) return readNnunet({ ...common, exclusion, suffix, skullStripped });
  const cases = isFolder ? await findBratsCases(root, exclusion) : [];
  if (cases.length > 0) return readBrats(cases, common);
  const slices = isFolder && table === undefined ? await findMatFiles(root, exclusion) : [];
  if (slices.length > 0) return readFigshare(slices, { source, root, labels });
  if (table === undefined) return readClassFolders({ source, labels, exclusion });
  return readTable({ source, table, columns, labels, exclusion, suffix: suffix ?? 'T1w', skullStripped });
}

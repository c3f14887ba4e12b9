import type { ExaminationSource } from '../bids/examination.ts';
import { readClassFolders } from './class-folders.ts';
import { exclusionOf } from './exclude.ts';
import { KAGGLE_LABELS, readLabelMap } from './label-map.ts';
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
  readonly suffix?: string;
  readonly skullStripped?: boolean;
}

/**
 * Looks what a folder holds: images that a table names, or class folders.
 * @throws NF_PATH_MISSING, NF_BIDS_*, NF_TABLE_*
 */
export async function openSource(options: SourceOptions): Promise<ExaminationSource> {
  const { source, table } = options;
  const exclusion = exclusionOf(options.exclude ?? []);
  const labels = options.labelMap === undefined ? undefined : await readLabelMap(options.labelMap);
  const found =
    table === undefined
      ? await readClassFolders({ source, labels: labels ?? KAGGLE_LABELS, exclusion })
      : await readTable({
          source,
          table,
          labels,
          exclusion,
          columns: options.columns ?? {},
          suffix: options.suffix ?? 'T1w',
          skullStripped: options.skullStripped ?? false,
        });
  exclusion.requireUsed(source);
  return found;
}

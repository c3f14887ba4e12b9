import { relative } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import { writeFileAtomic } from '../../runtime/base/files/files.ts';
import type { Progress } from '../../runtime/base/logging/progress.ts';
import { requireAbsent } from '../bids/check-places.ts';
import type { InspectResult, SeriesRow } from './inspect-schema.ts';
import { type FolderScan, scanFolder } from './scan.ts';
import { readSeriesMap } from './series-map.ts';
import { rowOf, seriesIdOf } from './series-row.ts';
import { openSiteKey, passingKey, type SiteKey } from './site-key.ts';

export interface InspectOptions {
  readonly source: string;
  readonly keyFile: string | undefined;
  readonly map: string | undefined;
  /** TSV to write of what is shown. */
  readonly table: string | undefined;
  /** TSV to write of which file belongs to which series; it holds paths, and stays at the site. */
  readonly paths: string | undefined;
  readonly jobs: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** What a folder of DICOM files holds, series by series, without patient data. @throws NF_DICOM_*, NF_PATH_* */
export async function inspectFolder(options: InspectOptions): Promise<InspectResult> {
  const { source, keyFile, table, paths } = options;
  for (const file of [table, paths]) if (file !== undefined) await requireAbsent('File', file);
  const map = options.map === undefined ? undefined : await readSeriesMap(options.map);
  const key = keyFile === undefined ? passingKey() : await openSiteKey(keyFile, { make: false });
  if (!key)
    throw flError(
      'NF_PATH_MISSING',
      { what: 'Key', path: keyFile ?? '' },
      { place: { file: keyFile ?? '' } },
    );
  const scan = await scanFolder(options);
  const series = scan.series.map((one) => rowOf(one, { key, identifiers: scan.identifiers, map }));
  if (table !== undefined) await writeFileAtomic(table, tableText(series));
  if (paths !== undefined) await writeFileAtomic(paths, pathsText(scan, { source, key }), { mode: 0o600 });
  return {
    source,
    series,
    subjects: new Set(series.map(({ subject }) => subject)).size,
    files: { ...scan.files },
    directory: { missing: scan.missingListed },
    written: [table, paths].filter((file) => file !== undefined),
  };
}

const COLUMNS: readonly (readonly [name: string, value: (row: SeriesRow) => string | number | null])[] = [
  ['series', (row) => row.series],
  ['subject', (row) => row.subject],
  ['session', (row) => row.session],
  ['modality', (row) => row.modality],
  ['description', (row) => row.description],
  ['sequence', (row) => row.sequence],
  ['matrix', (row) => row.matrix.join('x')],
  ['spacing', (row) => row.spacing.map((size) => size ?? '?').join('x')],
  ['volumes', (row) => row.volumes],
  ['files', (row) => row.files],
  ['contrast', (row) => row.contrast],
  ['kind', (row) => row.kind],
  ['syntaxes', (row) => row.syntaxes.join(', ')],
  ['problems', (row) => row.problems.map(({ code, count }) => `${code} (${count})`).join(', ')],
  ['goes_to', (row) => row.goes_to?.join(', ') ?? null],
];

function tableText(rows: readonly SeriesRow[]): string {
  return tsv([COLUMNS.map(([name]) => name), ...rows.map((row) => COLUMNS.map(([, value]) => value(row)))]);
}

function pathsText(scan: FolderScan, { source, key }: { source: string; key: SiteKey }): string {
  const images = scan.series.flatMap((series) =>
    series.files.map(({ path }) => [seriesIdOf(series, key), '', relative(source, path)]),
  );
  const others = scan.others.map(({ path, reason }) => ['', reason, relative(source, path)]);
  return tsv([['series', 'reason', 'path'], ...images, ...others]);
}

function tsv(rows: readonly (readonly (string | number | null)[])[]): string {
  return rows.map((cells) => `${cells.map(cellText).join('\t')}\n`).join('');
}

function cellText(value: string | number | null): string {
  if (value === null || value === '') return 'n/a';
  return String(value).replace(/[\x00-\x1f\x7f%]/g, (character) => encodeURIComponent(character));
}

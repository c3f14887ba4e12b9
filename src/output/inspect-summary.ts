import type { InspectResult, SeriesRow } from '../preprocess/dicom/inspect-schema.ts';
import { counted } from '../runtime/base/text/counted.ts';
import { renderTable } from './table.ts';

const FILES: Readonly<Record<string, string>> = {
  other: 'are no DICOM files',
  unreadable: 'cannot be read',
  damaged: 'end or break off within their header',
  directory: 'are lists of files (DICOMDIR)',
  header_too_large: 'have a header of over 64 MB',
  not_followed: 'are links out of the folder or to folders, pipes, or folders that may not be read',
};

/** The table of `preprocess inspect`, and under it what is wrong. */
export function renderInspect({ series, subjects, files, directory, written }: InspectResult): string {
  const hasMap = series.some(({ goes_to }) => goes_to !== null);
  const header = [
    'series',
    'subject',
    'modality',
    'description',
    'matrix',
    'spacing',
    'volumes',
    'files',
    'contrast',
  ];
  const rows = series.map((row) => [
    row.series,
    row.subject,
    row.modality,
    row.description,
    row.matrix.join('x'),
    row.spacing.map((size) => size ?? '?').join('x'),
    String(row.volumes),
    String(row.files),
    row.contrast ?? '',
    ...(hasMap ? [goesTo(row)] : []),
  ]);
  return [
    renderTable(hasMap ? [...header, 'goes to'] : header, rows),
    ...series.flatMap(problemLines),
    `${counted(series.length, 'series', 'series')} of ${counted(subjects, 'subject')} in ${counted(files.images ?? 0, 'image file')}`,
    ...Object.entries(FILES).flatMap(([reason, text]) => (files[reason] ? [`${files[reason]} ${text}`] : [])),
    ...(directory.missing > 0
      ? [`${counted(directory.missing, 'file')} listed in a DICOMDIR: not there`]
      : []),
    ...written.map((file) => `Written: ${file}`),
  ].join('\n');
}

function goesTo({ goes_to: rules }: SeriesRow): string {
  if (!rules || rules.length === 0) return '-';
  return rules.length === 1 ? (rules[0] ?? '') : `several rules: ${rules.join(', ')}`;
}

function problemLines({ series, problems }: SeriesRow): string[] {
  return problems.map(
    ({ severity, count, code, what, advice }) =>
      `${series} ${severity}: ${what} (${code}, ${count}); ${advice}`,
  );
}

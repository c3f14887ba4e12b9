import type { Identifiers } from './identifiers.ts';
import type { SeriesRow } from './inspect-schema.ts';
import { rulesFor } from './match.ts';
import { PROBLEMS } from './problems.ts';
import type { ScannedSeries } from './scan.ts';
import type { SeriesMap } from './series-map.ts';
import { problemsOf } from './series-problems.ts';
import type { SiteKey } from './site-key.ts';
import { stackOf } from './slices.ts';
import { syntaxName } from './syntaxes.ts';

/** Letters of a label: of 48 bits the first two of a million patients that are equal have a chance of 1 in 500. */
const SUBJECT_LETTERS = 12;
const SESSION_LETTERS = 8;
const SERIES_LETTERS = 8;

export function subjectOf({ patient }: ScannedSeries, key: SiteKey): string {
  return `sub-${key.label('subject', patient.key, SUBJECT_LETTERS)}`;
}

export function sessionOf({ study }: ScannedSeries, key: SiteKey): string {
  return `ses-${key.label('session', study, SESSION_LETTERS)}`;
}

export function seriesIdOf(series: ScannedSeries, key: SiteKey): string {
  return key.label('series', series.key, SERIES_LETTERS);
}

export interface RowContext {
  readonly key: SiteKey;
  readonly identifiers: Identifiers;
  readonly map: SeriesMap | undefined;
}

/** What may be said of a series: nothing that names a person. */
export function rowOf(series: ScannedSeries, { key, identifiers, map }: RowContext): SeriesRow {
  const { values, files, matrix, spacing, mosaic, frames } = series;
  const stack = stackOf(files);
  const text = (name: 'Modality' | 'SeriesDescription' | 'SequenceName' | 'ContrastBolusAgent') =>
    identifiers.scrub(String(values[name][0] ?? ''));
  const hasPixels = matrix[0] > 0 && matrix[1] > 0;
  const slices = mosaic ?? (stack.slices || Math.max(frames, files.length));
  const step = stack.step ?? series.between;
  return {
    series: seriesIdOf(series, key),
    subject: subjectOf(series, key),
    session: sessionOf(series, key),
    modality: text('Modality'),
    description: text('SeriesDescription'),
    sequence: text('SequenceName'),
    matrix: hasPixels ? [matrix[0], matrix[1], slices] : [],
    spacing: hasPixels ? [spacing?.[1], spacing?.[0], step].map(millimetres) : [],
    volumes: mosaic === undefined ? Math.max(1, stack.volumes) : files.length,
    files: files.length,
    contrast: text('ContrastBolusAgent') || null,
    kind: hasPixels ? (mosaic !== undefined ? 'mosaic' : frames > 1 ? 'multi-frame' : 'slices') : 'none',
    syntaxes: [...new Set(series.syntaxes.map(syntaxName))],
    problems: problemsOf(series, stack).map(({ code, count }) => {
      const [severity, what, advice] = PROBLEMS[code];
      return { code, severity, count, what, advice };
    }),
    goes_to: map ? rulesFor(values, map).map(({ name }) => name) : null,
  };
}

function millimetres(value: number | undefined): number | null {
  return value === undefined ? null : Number(value.toFixed(3));
}

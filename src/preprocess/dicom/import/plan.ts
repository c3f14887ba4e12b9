import { flError } from '../../../runtime/base/errors/errors.ts';
import { compareText } from '../../../runtime/base/text/compare-text.ts';
import { rulesFor } from '../match.ts';
import { isRefused, PROBLEMS, type Problem } from '../problems.ts';
import type { ScannedSeries } from '../scan.ts';
import { datatypeOf, ENTITIES, type SeriesMap, type SeriesRule } from '../series-map.ts';
import { problemsOf } from '../series-problems.ts';
import { seriesIdOf, sessionOf, subjectOf } from '../series-row.ts';
import type { SiteKey } from '../site-key.ts';
import { stackOf } from '../slices.ts';

/** A series and what becomes of it. */
export interface PlannedSeries {
  readonly series: ScannedSeries;
  readonly id: string;
  readonly subject: string;
  readonly session: string;
  readonly rule: SeriesRule;
  readonly problems: readonly Problem[];
  /** Folder below the data set, and the beginning of its names: `sub-…_ses-…_acq-…`, without echo, part and suffix. */
  readonly folder: string;
  readonly stem: string;
}

export interface ImportPlan {
  readonly chosen: readonly PlannedSeries[];
  readonly refused: readonly PlannedSeries[];
  /** Left out by a rule with `skip`. */
  readonly skipped: readonly { readonly series: ScannedSeries; readonly rule: string }[];
  readonly unmatched: readonly ScannedSeries[];
}

/**
 * Which series go where. Series that would have one name are told apart by `run`, in the order of their times.
 * @throws NF_DICOM_MATCHED_TWICE, NF_DICOM_UNMATCHED
 */
export function planImport(
  all: readonly ScannedSeries[],
  { map, key }: { map: SeriesMap; key: SiteKey },
): ImportPlan {
  const matched = all.map((series) => ({ series, rules: rulesFor(series.values, map) }));
  const twice = matched.filter(({ rules }) => rules.length > 1);
  if (twice.length > 0) {
    const excerpt = twice
      .map(({ series, rules }) => `${seriesIdOf(series, key)}: ${rules.map(({ name }) => name).join(', ')}`)
      .join('\n');
    throw flError('NF_DICOM_MATCHED_TWICE', { count: twice.length }, { place: { file: map.path, excerpt } });
  }
  const wanted = matched.flatMap(({ series, rules: [rule] }) =>
    rule && rule.skip !== true ? [draftOf(series, { rule, key })] : [],
  );
  if (wanted.length === 0)
    throw flError('NF_DICOM_UNMATCHED', { count: all.length }, { place: { file: map.path } });
  return {
    chosen: withRuns(wanted.filter(({ problems }) => !problems.some(isRefused))),
    refused: wanted.filter(({ problems }) => problems.some(isRefused)),
    skipped: matched.flatMap(({ series, rules: [rule] }) =>
      rule?.skip === true ? [{ series, rule: rule.name }] : [],
    ),
    unmatched: matched.flatMap(({ series, rules }) => (rules.length === 0 ? [series] : [])),
  };
}

/** Every chosen series that cannot be used, with what to do about it. */
export function refusedError(
  refused: readonly PlannedSeries[],
  { source, total }: { source: string; total: number },
) {
  const excerpt = refused
    .map(({ id, problems }) => `${id}: ${problems.filter(isRefused).map(problemText).join('; ')}`)
    .join('\n');
  return flError(
    'NF_DICOM_BAD_SERIES',
    { count: refused.length, total },
    { place: { file: source, excerpt } },
  );
}

function problemText({ code, count }: Problem): string {
  const [, what, advice] = PROBLEMS[code];
  return `${what} (${code}, ${count}): ${advice}`;
}

function draftOf(series: ScannedSeries, { rule, key }: { rule: SeriesRule; key: SiteKey }): PlannedSeries {
  const [subject, session] = [subjectOf(series, key), sessionOf(series, key)];
  const entities = ENTITIES.flatMap((name) => {
    const value = rule.entities?.[name];
    return value === undefined ? [] : [`${name}-${value}`];
  });
  return {
    series,
    id: seriesIdOf(series, key),
    subject,
    session,
    rule,
    problems: problemsOf(series, stackOf(series.files)),
    folder: `${subject}/${session}/${datatypeOf(rule)}`,
    stem: [subject, session, ...entities].join('_'),
  };
}

function withRuns(drafts: readonly PlannedSeries[]): PlannedSeries[] {
  const groups = Map.groupBy(drafts, ({ folder, stem, rule }) => `${folder}/${stem}_${rule.suffix}`);
  return [...groups.values()].flatMap((same) => {
    if (same.length === 1) return same;
    const ordered = same.toSorted(
      (a, b) =>
        compareText(a.series.time ?? '', b.series.time ?? '') ||
        Number(a.series.values.SeriesNumber[0] ?? 0) - Number(b.series.values.SeriesNumber[0] ?? 0) ||
        compareText(a.id, b.id),
    );
    return ordered.map((draft, index) => ({ ...draft, stem: `${draft.stem}_run-${index + 1}` }));
  });
}

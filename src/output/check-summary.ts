import { counted } from '../runtime/base/text/counted.ts';
import { shownPath } from '../runtime/base/text/shown-path.ts';
import type { CheckResult } from '../runtime/evaluation/data-check/check-schema.ts';
import { percent } from './figures.ts';
import { renderTable } from './table.ts';
import { unlikenessLines } from './unlikeness-text.ts';

/** Findings of one code and severity that are shown in full. */
const SHOWN = 5;

/** Findings, gravest first, then the counts and the controls, for people. */
export function renderCheck(result: CheckResult): string {
  const { counts, controls, chance, links, sheet } = result;
  return [
    ...findingLines(result),
    ...(result.findings.length > 0 ? [''] : []),
    classTable(result),
    '',
    ...siteLines(result),
    ...(controls && chance !== null ? [controlTable(controls, chance), ''] : []),
    ...(links ? [`Links: ${shownPath(links.path)}, ${counted(links.pairs, 'pair')}`] : []),
    ...(sheet ? [`Contact sheet: ${shownPath(sheet.path)}`] : []),
    `${counted(result.images, 'image')}: ${counted(counts.error, 'error')}, ${counted(counts.warning, 'warning')}, ${counted(counts.note, 'note')}.`,
  ].join('\n');
}

function findingLines({ findings }: CheckResult): string[] {
  const alike = [
    ...Map.groupBy(findings, ({ code, severity, hint }) => `${severity} ${code} ${hint}`).values(),
  ];
  return alike.flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    const lines = group.slice(0, SHOWN).map(({ severity, message, place }) => {
      const file = place.file === undefined ? undefined : shownPath(place.file);
      const line = place.line === undefined ? '' : `:${place.line}`;
      const where = file === undefined ? place.participant : `${file}${line}`;
      return `${severity}: ${message}${where === undefined ? '' : `\n  at ${where}`}`;
    });
    const more = group.length - lines.length;
    return [
      ...lines,
      ...(more > 0 ? [`  and ${more} more like it (all of them with --json)`] : []),
      `  next: ${first.hint}  [${first.code}]`,
    ];
  });
}

function classTable({ classes }: CheckResult): string {
  const names = [...new Set(Object.values(classes).flatMap((counts) => Object.keys(counts)))];
  const rows = Object.entries(classes).map(([site, counts]) => [
    site,
    ...names.map((name) => String(counts[name] ?? 0)),
  ]);
  return renderTable(['images', ...names], rows);
}

/** How unlike the sites are: in classes, and in what pictures look like. */
function siteLines({ heterogeneity, contrasts }: CheckResult): string[] {
  if (!heterogeneity || heterogeneity.sites.length < 2) return [];
  const qualities = [...new Set(contrasts.map(({ quality }) => quality))];
  const bySite = Map.groupBy(contrasts, ({ site }) => site);
  const rows = heterogeneity.sites.map(
    ({ name, images, effective_classes: classes, from_others: unlike }) => {
      const own = new Map(bySite.get(name)?.map(({ quality, distance }) => [quality, distance]));
      const distances = [unlike?.jensen_shannon, ...qualities.map((quality) => own.get(quality))];
      return [name, String(images), classes.toFixed(1), ...distances.map((one) => one?.toFixed(2) ?? '-')];
    },
  );
  const header = ['unlike others in', 'images', 'classes as if equal', 'class', ...qualities];
  return [renderTable(header, rows), ...unlikenessLines(heterogeneity), ''];
}

function controlTable(controls: NonNullable<CheckResult['controls']>, chance: number): string {
  const rows = controls.map(({ name, sees, balanced_accuracy: { value, low, high } }) => [
    name,
    percent(value),
    `${percent(low)} to ${percent(high)}`,
    sees,
  ]);
  const all = [...rows, ['chance', percent(chance), '', '']];
  return renderTable(['control', 'balanced %', '95 % interval', 'what it sees'], all);
}

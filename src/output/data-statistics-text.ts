import { counted } from '../runtime/base/text/counted.ts';
import type { DataStatistics } from '../runtime/run/data-statistics.ts';
import { percent } from './figures.ts';
import { renderTable } from './table.ts';

/** Sites shown each in a column of their own. */
const MAX_COLUMNS = 6;

/** What the data of all sites are like, for people. */
export function renderDataStatistics(found: DataStatistics): string {
  const { people, sites, withheld, tables, features, left_out: leftOut } = found;
  const names = Object.keys(sites);
  const shown = names.length > MAX_COLUMNS ? [] : names;
  const counts = tables.flatMap(({ name, values }) => [
    renderTable(
      [name, 'all', '%', ...shown],
      values.map((one) => [
        one.value,
        String(one.people),
        percent(one.share),
        ...shown.map((site) => String(one.sites[site] ?? 'withheld')),
      ]),
    ),
    '',
  ]);
  const quantiles = Object.keys(features[0]?.quantiles ?? {});
  const rows = features.map((one) => [
    one.name,
    String(one.people),
    ...[one.mean, one.sd, ...quantiles.map((name) => one.quantiles[name] ?? null)].map(plain),
    ...shown.map((site) => plain(one.sites[site]?.mean ?? null)),
  ]);
  const header = ['figure', 'people', 'mean', 'sd', ...quantiles, ...shown.map((site) => `mean ${site}`)];
  return [
    `${people} people at ${counted(names.length, 'site')}`,
    ...(withheld.length > 0
      ? [`${withheld.join(', ')} told nothing: fewer people than the site lets be counted`]
      : []),
    ...(leftOut.length > 0 ? [`left out, told in another form: ${leftOut.join('; ')}`] : []),
    '',
    ...counts,
    renderTable(header, rows),
  ].join('\n');
}

function plain(value: number | null): string {
  return value === null ? '-' : String(Number(value.toPrecision(4)));
}

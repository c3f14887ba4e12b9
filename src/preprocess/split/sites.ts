import { numberAt } from '../../runtime/base/at.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { createRandom } from '../../runtime/base/random.ts';
import { compareSites } from '../../runtime/base/site-order.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import { firstOf } from '../../runtime/base/text/first-of.ts';
import { FOLDER_NAME } from '../../runtime/base/text/folder-name.ts';
import { didYouMean } from '../../runtime/base/text/nearest.ts';
import type { Participants } from '../bids/participants.ts';
import type { Cohort, Group } from './cohort.ts';
import { type Bin, deal, dirichletShares } from './deal.ts';
import type { SplitRule } from './manifest.ts';

/** A site and the groups that are its own. */
export interface SiteGroups {
  readonly name: string;
  readonly groups: readonly Group[];
}

/** Draws of a Dirichlet partition before giving up: a small alpha often leaves a site with next to nothing. */
const MOST_DRAWS = 200;

/**
 * Deals groups to `count` sites: evenly within each class (iid), or with shares of each class drawn from Dirichlet(alpha), as in Hsu et al.,
 * "Measuring the effects of non-identical data distribution for federated visual classification" (2019), but by whole groups.
 * @throws NF_SPLIT_TOO_MANY_SITES, NF_SPLIT_SITES_UNEVEN
 */
export function drawSites(
  cohort: Cohort,
  rule: SplitRule,
  draw: { count: number; seed: number },
): SiteGroups[] {
  const { count, seed } = draw;
  const groups = cohort.groups.length;
  if (count > groups) throw flError('NF_SPLIT_TOO_MANY_SITES', { sites: count, groups });
  const parts = 1 + (rule.validation > 0 ? 1 : 0) + (rule.test > 0 ? 1 : 0);
  const least = Math.min(parts, Math.floor(groups / count));
  for (let attempt = 0; attempt < MOST_DRAWS; attempt++) {
    const bins = drawOnce({ cohort, rule, count, seeds: [seed, 'sites', attempt] });
    if (bins.every((bin) => bin.groups.length >= least)) {
      return bins.map((bin, at) => ({ name: `site-${at + 1}`, groups: bin.groups }));
    }
  }
  throw flError('NF_SPLIT_SITES_UNEVEN', { draws: MOST_DRAWS, alpha: rule.alpha ?? 0, least });
}

function drawOnce(what: {
  cohort: Cohort;
  rule: SplitRule;
  count: number;
  seeds: readonly (string | number)[];
}): Bin[] {
  const { cohort, rule, count, seeds } = what;
  const bins = Array.from({ length: count }, (): Bin => ({ share: 1 / count, lacks: [0], groups: [] }));
  for (const label of cohort.labels) {
    const random = createRandom(...seeds, label);
    const shares =
      rule.strategy === 'dirichlet'
        ? dirichletShares(count, rule.alpha ?? 1, random)
        : bins.map(() => 1 / count);
    const own = cohort.groups.filter((group) => group.label === label);
    const binsOfClass = bins.map((bin, at): Bin => ({ ...bin, share: numberAt(shares, at) }));
    deal(own, binsOfClass, random);
  }
  return bins;
}

/**
 * Sites as a column of participants.tsv names them, in site order.
 * @throws NF_SPLIT_COLUMN, NF_SPLIT_SITE_VALUE, NF_SPLIT_GROUP_AT_TWO_SITES
 */
export function readSites(cohort: Cohort, participants: Participants, column: string): SiteGroups[] {
  requireColumn(participants, column);
  requireSiteNames(cohort, { file: participants.file, key: column });
  const sites = new Map<string, Group[]>();
  for (const group of cohort.groups) {
    const name = siteOf(group, { file: participants.file, key: column });
    sites.set(name, [...(sites.get(name) ?? []), group]);
  }
  return [...sites].map(([name, groups]) => ({ name, groups })).sort((a, b) => compareSites(a.name, b.name));
}

/** @throws NF_SPLIT_COLUMN */
function requireColumn({ columns, file }: Participants, column: string): void {
  if (columns.includes(column)) return;
  const nearest = didYouMean(column, columns);
  const params = { column, nearest, known: columns.join(', ') };
  throw flError('NF_SPLIT_COLUMN', params, { place: { file, line: 1 } });
}

/** @throws NF_SPLIT_SITE_VALUE with all values that are no names, and who has them */
function requireSiteNames({ groups }: Cohort, at: { file: string; key: string }): void {
  const bad = groups
    .flatMap(({ members }) => members.map((row) => ({ row, site: row.values.get(at.key) ?? 'n/a' })))
    .filter(({ site }) => !FOLDER_NAME.test(site))
    .sort((a, b) => a.row.line - b.row.line);
  const [first] = bad;
  if (!first) return;
  const values = [...Map.groupBy(bad, ({ site }) => site)].map(
    ([site, own]) => `'${site}' (${firstOf(own.map(({ row }) => row.id))})`,
  );
  const params = { count: counted(bad.length, 'value'), column: at.key, values: values.join(', ') };
  throw flError('NF_SPLIT_SITE_VALUE', params, { place: { ...at, line: first.row.line } });
}

function siteOf(group: Group, at: { file: string; key: string }): string {
  const column = at.key;
  const sites = group.members.map(({ id, line, values }) => ({
    id,
    line,
    site: values.get(column) ?? 'n/a',
  }));
  const [first] = sites as [(typeof sites)[number]];
  const other = sites.find(({ site }) => site !== first.site);
  if (!other) return first.site;
  const params = { group: group.name, one: first.id, first: first.site, other: other.id, second: other.site };
  throw flError('NF_SPLIT_GROUP_AT_TWO_SITES', params, { place: { ...at, line: other.line } });
}

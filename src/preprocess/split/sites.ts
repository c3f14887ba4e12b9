import { flError } from '../../runtime/base/errors/errors.ts';
import { compareSites } from '../../runtime/base/site-order.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import { firstOf } from '../../runtime/base/text/first-of.ts';
import { FOLDER_NAME } from '../../runtime/base/text/folder-name.ts';
import type { Participants } from '../bids/participants.ts';
import type { Cohort, Group } from './cohort.ts';
import { dealOnce } from './draw.ts';
import type { SplitRule } from './manifest.ts';
import { requireColumn, type Skew } from './skew.ts';

/** A site and the groups that are its own. */
export interface SiteGroups {
  readonly name: string;
  readonly groups: readonly Group[];
}

/** Draws before giving up: a small alpha often leaves a site with next to nothing. */
const MOST_DRAWS = 200;

/**
 * Deals groups to `count` sites as the strategy of the rule says. What is drawn is drawn again while a site gets fewer groups than the rule
 * asks for, or else than there are parts.
 * @throws NF_SPLIT_TOO_MANY_SITES, NF_SPLIT_SITES_UNEVEN, NF_SPLIT_SHARDS
 */
export function drawSites(
  what: { cohort: Cohort; rule: SplitRule; skew: Skew },
  draw: { count: number; seed: number },
): SiteGroups[] {
  const { cohort, rule, skew } = what;
  const { count, seed } = draw;
  const groups = cohort.groups.length;
  const wanted = rule.min_groups ?? 1;
  if (count * wanted > groups) throw flError('NF_SPLIT_TOO_MANY_SITES', { sites: count, groups, wanted });
  const parts = 1 + (rule.validation > 0 ? 1 : 0) + (rule.test > 0 ? 1 : 0);
  const least = rule.min_groups ?? Math.min(parts, Math.floor(groups / count));
  for (let attempt = 0; attempt < MOST_DRAWS; attempt++) {
    const bins = dealOnce({ groups: cohort.groups, labels: cohort.labels, rule, skew, count, seed, attempt });
    if (bins.every((bin) => bin.groups.length >= least)) {
      return bins.map((bin, at) => ({ name: `site-${at + 1}`, groups: bin.groups }));
    }
  }
  throw flError('NF_SPLIT_SITES_UNEVEN', { draws: MOST_DRAWS, strategy: rule.strategy, least });
}

/** @throws NF_SPLIT_SITES_SMALL with all sites that have fewer groups */
export function requireGroups(sites: readonly SiteGroups[], least: number): void {
  const small = sites.filter(({ groups }) => groups.length < least);
  if (small.length === 0) return;
  const names = firstOf(small.map(({ name, groups }) => `${name} (${groups.length})`));
  throw flError('NF_SPLIT_SITES_SMALL', { least, names });
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

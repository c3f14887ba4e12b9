import { flError } from '../../runtime/base/errors/errors.ts';
import { compareText } from '../../runtime/base/text/compare-text.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import { COLUMN, type Participants } from '../bids/participants.ts';
import { checkSplit } from './check.ts';
import { type Cohort, readCohort } from './cohort.ts';
import {
  PARTITIONS,
  type Partition,
  type SplitManifest,
  type SplitRule,
  type SplitSite,
  splitDigest,
  versionOf,
} from './manifest.ts';
import { partSites } from './parts.ts';
import { drawSites, readSites, requireGroups, type SiteGroups } from './sites.ts';
import { readSkew } from './skew.ts';
import { USUAL } from './strategy.ts';

export interface SplitRequest {
  readonly rule: SplitRule;
  readonly seed: number;
  /** Undefined where a column names the sites. */
  readonly sites: number | undefined;
  /** Why a participant cannot be dealt, by id, where the table does not say it. */
  readonly lacking?: ReadonlyMap<string, string>;
  /** What the manifest says of a selection, made of whom it deals. */
  readonly selected?: (leftOut: SplitPlan['leftOut']) => Pick<SplitManifest, 'selection' | 'selected'>;
}

export interface SplitPlan {
  readonly split: SplitManifest;
  /** Participants that no site got, and why. */
  readonly leftOut: readonly { readonly participant: string; readonly reason: string }[];
  /** What the split cannot give, such as a site without a class. */
  readonly warnings: readonly string[];
}

/**
 * Deals participants to sites and to train, validation and test, by whole groups, stratified by class. The same table, rule and seed give the
 * same split, whatever the order of the rows but for the digest of the table.
 * @throws NF_SPLIT_* with what cannot be done
 */
export function planSplit(participants: Participants, request: SplitRequest, root: string): SplitPlan {
  const { rule, seed, selected, lacking } = request;
  const cohort = readCohort(participants, lacking);
  if (cohort.groups.length === 0) {
    const place = { file: participants.file, key: COLUMN.diagnosis };
    throw flError('NF_SPLIT_NOTHING', { path: root }, { place });
  }
  const parted = partSites({ cohort, rule, seed, sites: chooseSites(cohort, participants, request) });
  const sites = rule.skew_column === undefined ? parted : withValues(parted, participants, rule.skew_column);
  const leftOut = listLeftOut(cohort);
  const body: Omit<SplitManifest, 'sha256'> = {
    version: versionOf(rule, selected !== undefined),
    kind: 'neuroflare-split',
    seed,
    rule,
    ...selected?.(leftOut),
    dataset: { participants_sha256: participants.sha256, subjects: participants.rows.length },
    sites,
    groups: {
      count: cohort.groups.length,
      largest: Math.max(...cohort.groups.map((group) => group.members.length)),
    },
    set_aside: {
      duplicate: cohort.setAside.filter(({ reason }) => reason === 'duplicate').length,
      label_conflict: cohort.setAside.filter(({ reason }) => reason === 'label_conflict').length,
    },
  };
  const split = { ...body, sha256: splitDigest(body) };
  checkSplit(split, participants);
  return { split, leftOut, warnings: listWarnings(cohort, sites, rule) };
}

function chooseSites(cohort: Cohort, participants: Participants, request: SplitRequest): SiteGroups[] {
  const { rule, seed, sites } = request;
  if (rule.strategy !== 'column') {
    const skew = readSkew(cohort, participants, rule.skew_column);
    return drawSites({ cohort, rule, skew }, { count: sites ?? 1, seed });
  }
  const column = rule.site_column ?? USUAL.site_column;
  const found = readSites(cohort, participants, column);
  requireGroups(found, rule.min_groups ?? 1);
  if (sites === undefined || sites === found.length) return found;
  const names = found.map(({ name }) => name).join(', ');
  throw flError('NF_SPLIT_SITE_COUNT', { wanted: sites, column, found: found.length, names });
}

/** Counts what sites were meant to differ in. */
function withValues(sites: readonly SplitSite[], { rows }: Participants, column: string): SplitSite[] {
  const values = new Map(rows.map((row) => [row.id, row.values.get(column) ?? '']));
  return sites.map((site) => {
    const found = Map.groupBy(
      PARTITIONS.flatMap((part) => site[part]),
      (id) => values.get(id) ?? '',
    );
    const counts = [...found].map(([value, ids]) => [value, ids.length] as const);
    return {
      ...site,
      values: { column, images: Object.fromEntries(counts.sort(([a], [b]) => compareText(a, b))) },
    };
  });
}

function listLeftOut({ setAside, lacking }: Cohort): SplitPlan['leftOut'] {
  return [...setAside, ...lacking].map(({ id, reason }) => ({ participant: id, reason }));
}

function listWarnings(cohort: Cohort, sites: readonly SplitSite[], rule: SplitRule): string[] {
  const parts = PARTITIONS.filter((part) => part === 'train' || rule[part] > 0);
  const scarce = cohort.labels.flatMap((label) => {
    const count = cohort.groups.filter((group) => group.label === label).length;
    if (count >= parts.length) return [];
    return [`${label} has ${counted(count, 'group')}, fewer than the ${parts.length} parts`];
  });
  return [...scarce, ...listGaps(sites, parts)];
}

/** Parts without images and classes without images in a part, site by site. */
export function listGaps(sites: readonly SplitSite[], parts: readonly Partition[]): string[] {
  return sites.flatMap((site) =>
    parts.flatMap((part) => {
      if (site[part].length === 0) return [`${site.name} has no ${part} images`];
      const counts = Object.entries(site.classes[part]);
      const missing = counts.filter(([, count]) => count === 0).map(([label]) => label);
      return missing.length > 0 ? [`${site.name} ${part} has no ${missing.join(', ')}`] : [];
    }),
  );
}

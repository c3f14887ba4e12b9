import { numberAt } from '../../runtime/base/at.ts';
import { createRandom } from '../../runtime/base/random.ts';
import { type Cohort, type Group, labelOf } from './cohort.ts';
import { type Bin, deal } from './deal.ts';
import { PARTITIONS, type Partition, type SplitRule, type SplitSite } from './manifest.ts';
import type { SiteGroups } from './sites.ts';

type Parts = Record<Partition, Group[]>;

/** Parts each site's groups into train, validation and test, class by class, and counts what each part got. */
export function partSites(what: {
  cohort: Cohort;
  rule: SplitRule;
  seed: number;
  sites: readonly SiteGroups[];
}): SplitSite[] {
  const { cohort, rule, seed, sites } = what;
  const folds = rule.fold && createDealer(cohort, new Array<number>(rule.fold.of).fill(1 / rule.fold.of));
  const rest = 1 - (rule.fold ? rule.test : 0);
  const shares = PARTITIONS.map((part) => (rule.fold && part === 'test' ? 0 : shareOf(rule, part) / rest));
  const dealer = createDealer(cohort, shares);
  return sites.map((site) => {
    const tested = folds?.(site.groups, [seed, 'folds', site.name])[(rule.fold?.index ?? 1) - 1] ?? [];
    const others = site.groups.filter((group) => !tested.includes(group));
    const [train = [], validation = [], test = []] = dealer(others, [seed, 'parts', site.name]);
    const parts: Parts = { train, validation, test: [...test, ...tested] };
    if (rule.test > 0) fillFromTrain(parts, 'test');
    if (rule.validation > 0) fillFromTrain(parts, 'validation');
    return toSplitSite(site.name, parts, cohort.labels);
  });
}

/** Deals one site's groups to bins of these shares; what sites before could not give of a class is made up for, then what is short over all classes. */
function createDealer(cohort: Cohort, shares: readonly number[]) {
  const overall = shares.map(() => 0);
  const ofClass = new Map(cohort.labels.map((label) => [label, shares.map(() => 0)]));
  return (groups: readonly Group[], seeds: readonly (string | number)[]): Group[][] => {
    const bins = shares.map((share): Bin => ({ share, lacks: [], groups: [] }));
    for (const label of cohort.labels) {
      const own = groups.filter((group) => group.label === label);
      const carried = ofClass.get(label) ?? [];
      for (const [at, bin] of bins.entries())
        bin.lacks.splice(0, 2, numberAt(carried, at), numberAt(overall, at));
      deal(own, bins, createRandom(...seeds, label));
      for (const [at, bin] of bins.entries()) [carried[at] = 0, overall[at] = 0] = bin.lacks;
    }
    return bins.map((bin) => bin.groups);
  };
}

function shareOf(rule: SplitRule, part: Partition): number {
  return part === 'train' ? 1 - rule.validation - rule.test : rule[part];
}

/** A part that was left empty takes the smallest group of the class that has most groups in training. */
function fillFromTrain(parts: Parts, part: Partition): void {
  if (parts[part].length > 0 || parts.train.length < 2) return;
  const byClass = [...Map.groupBy(parts.train, (group) => group.label).values()];
  const [richest = []] = byClass.sort((a, b) => b.length - a.length);
  const smallest = richest.toSorted((a, b) => a.members.length - b.members.length)[0];
  if (!smallest) return;
  parts.train.splice(parts.train.indexOf(smallest), 1);
  parts[part].push(smallest);
}

function toSplitSite(name: string, parts: Parts, labels: readonly string[]): SplitSite {
  const members = (part: Partition) => parts[part].flatMap((group) => group.members);
  const ids = (part: Partition) =>
    members(part)
      .map(({ id }) => id)
      .sort();
  const counts = (part: Partition) => {
    const found = Map.groupBy(members(part), labelOf);
    return Object.fromEntries(labels.map((label) => [label, found.get(label)?.length ?? 0]));
  };
  return {
    name,
    train: ids('train'),
    validation: ids('validation'),
    test: ids('test'),
    classes: { train: counts('train'), validation: counts('validation'), test: counts('test') },
  };
}

import type { Progress } from '../../runtime/base/logging/progress.ts';
import { readAs } from '../../runtime/base/selection/selection.ts';
import { mapPool } from '../../runtime/base/threads/map-pool.ts';
import { groupOf, type Participants } from '../bids/participants.ts';
import type { Subjects } from '../select/read-subjects.ts';
import { checkSplit } from '../split/check.ts';
import { type Heterogeneity, heterogeneityOf, splitHeterogeneity } from '../split/heterogeneity.ts';
import type { ImageLink } from '../split/links.ts';
import { PARTITIONS, type SplitManifest } from '../split/manifest.ts';
import {
  classCounts,
  contrastSites,
  findClassGaps,
  findContrasts,
  findLabelShift,
  type SiteContrast,
  type SiteMembers,
  sitesOf,
} from './compare-sites.ts';
import { findAlike } from './find-alike.ts';
import { findCopies } from './find-copies.ts';
import { findFormulas } from './find-formulas.ts';
import { findLabelFaults } from './find-label-faults.ts';
import { findOtherGrids } from './find-other-grids.ts';
import { type Finding, findingOf } from './finding.ts';
import { type ImageFacts, inspectImage } from './inspect-image.ts';
import { inspectTree } from './inspect-tree.ts';

export interface BidsCheck {
  readonly images: number;
  /** Of those that could be read. */
  readonly facts: readonly ImageFacts[];
  /** Images of each class by site. */
  readonly classes: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly heterogeneity: Heterogeneity;
  readonly contrasts: readonly SiteContrast[];
  readonly findings: readonly Finding[];
  /** Participants who should stay together and do not. */
  readonly links: readonly ImageLink[];
}

const READERS = 4;

/** Reads every file of a data set and holds it against its split: integrity, leaks, class counts, how sites differ. */
export async function checkBids(
  root: string,
  what: {
    participants: Subjects;
    split: SplitManifest | undefined;
    /** What a network is given of an image: side in pixels, axial slices of a volume. */
    view: { readonly side: number; readonly slices: number };
    progress: Progress;
    signal?: AbortSignal | undefined;
  },
): Promise<BidsCheck> {
  const { participants, split, view, progress, signal } = what;
  const tree = await inspectTree(root, participants, dealtBy(split));
  let done = 0;
  const inspected = await mapPool(tree.images, { jobs: READERS, signal }, async (image) => {
    const found = await inspectImage(image, { ...readAs(participants.selection), ...view });
    progress({ what: 'images checked', done: ++done, total: tree.images.length });
    return found;
  });
  const images = inspected.flatMap(({ facts }) => facts ?? []);
  const sites = sitesOf(participants, split);
  const contrasts = contrastSites(images, sites);
  const findings = [
    ...tree.findings,
    ...findLabelFaults(participants),
    ...findFormulas(participants),
    ...inspected.flatMap((one) => one.findings),
    ...findOtherGrids(images),
    ...findCopies(images, participants),
    ...findLabelShift(participants, sites),
    ...findContrasts(contrasts),
  ];
  if (split) {
    findings.push(...findLeaks(split, participants), ...findClassGaps(split));
  }
  const alike = await findAlike(
    images.filter(({ channel }) => channel === 0),
    { participants, split, signal },
  );
  return {
    images: tree.images.length,
    facts: images,
    classes: Object.fromEntries(sites.map((site) => [site.name, classCounts(participants, site)])),
    heterogeneity: unlikeSites(participants, sites, split),
    contrasts,
    findings: [...findings, ...alike.findings],
    links: alike.links,
  };
}

function unlikeSites(
  participants: Participants,
  sites: readonly SiteMembers[],
  split: SplitManifest | undefined,
): Heterogeneity {
  if (split) return splitHeterogeneity(split);
  const counts = sites.map((site) => ({ name: site.name, classes: classCounts(participants, site) }));
  const dealt = new Set(sites.flatMap(({ ids }) => [...ids]));
  const groups = new Set(participants.rows.filter(({ id }) => dealt.has(id)).map(groupOf));
  return heterogeneityOf(counts, groups.size);
}

/** Whom a split names. */
function dealtBy(split: SplitManifest | undefined): ReadonlySet<string> {
  return new Set(split?.sites.flatMap((site) => PARTITIONS.flatMap((part) => site[part])));
}

function findLeaks(split: SplitManifest, participants: Participants): Finding[] {
  try {
    checkSplit(split, participants);
    return [];
  } catch (thrown) {
    return [findingOf(thrown)];
  }
}

import { z } from 'zod';
import { compareText } from '../../runtime/base/text/compare-text.ts';
import type { Grouping, GroupRule } from '../groups/find-groups.ts';
import type { Fault } from '../image/fault.ts';
import { isDoubtful } from './columns.ts';
import type { Entry } from './entry.ts';
import { faceOutcomeOf } from './facts.ts';
import type { PictureFacts } from './picture-file.ts';

const count = z.int().nonnegative();

/** What became of the images: the result of `preprocess bids`. */
export const bidsSummarySchema = z.object({
  /** Null when nothing was to be written. */
  target: z.string().nullable(),
  images: count,
  /** Images that splits will use. */
  kept: count,
  classes: z.record(z.string(), z.object({ images: count, kept: count })),
  set_aside: z.object({ duplicate: count, label_conflict: count }),
  label_conflicts: z.array(
    z.object({ group: z.string(), labels: z.array(z.string()), source_files: z.array(z.string()) }),
  ),
  /** Files that cannot be used. */
  bad: z.array(z.object({ code: z.string(), path: z.string(), detail: z.string() })),
  groups: z.object({
    threshold: z.number(),
    cap: count,
    count,
    largest: count,
    /** How many groups have how many distinct images. */
    sizes: z.record(z.string(), count),
    /** Pairs of like images that the cap put into different groups. */
    cut_links: count,
  }),
  mirrored: z
    .array(z.array(z.string()))
    .describe('pairs of images in different groups of which one looks like the mirror image of the other'),
  converted: z.object({
    colour: count,
    sixteen_bit: count,
    rotated: count,
    head_not_found: count,
    head_doubtful: count,
  }),
  /** Images taken over from a run that was broken off. */
  resumed: count,
  /** Examinations whose patient the source names, and lesion masks written. */
  patients_named: count,
  masks: count,
  masks_missing: z.array(z.string()).describe('examinations without a lesion mask, where others have one'),
  alike_labels: z
    .array(z.object({ files: z.array(z.string()), labels: z.array(z.string()) }))
    .describe('pairs that look like one image under two labels, where patients are named'),
  sites: z.array(z.string()).describe('sites that the source names'),
  images_of_each: z.array(z.string()).describe('names of the volumes of an examination, as BIDS has them'),
  faces: z
    .record(z.string(), count)
    .describe('volumes by what became of the face: removed, none, stripped, slice or kept'),
});
export type BidsSummary = z.infer<typeof bidsSummarySchema>;

export function summarise(what: {
  target: string | null;
  entries: readonly Entry[];
  grouping: Grouping;
  rule: GroupRule;
  bad: readonly Fault[];
  resumed: number;
}): BidsSummary {
  const { target, entries, grouping, rule, bad, resumed } = what;
  const number = (test: (entry: Entry) => boolean) => entries.filter(test).length;
  const pictures = entries.flatMap(({ facts }) => ('picture' in facts ? [facts.picture] : []));
  const numberOf = (test: (facts: PictureFacts) => boolean) => pictures.filter(test).length;
  return {
    target,
    images: entries.length,
    kept: number((entry) => entry.mark.setAside === undefined),
    classes: classCounts(entries),
    set_aside: {
      duplicate: number((entry) => entry.mark.setAside === 'duplicate'),
      label_conflict: number((entry) => entry.mark.setAside === 'label_conflict'),
    },
    label_conflicts: grouping.conflicts.map(({ group, labels, paths }) => ({
      group,
      labels: [...labels],
      source_files: [...paths],
    })),
    bad: bad.map(({ code, path, detail }) => ({ code, path, detail })),
    groups: groupCounts(grouping, rule),
    mirrored: grouping.mirrored.map((pair) => [...pair]),
    converted: {
      colour: numberOf((facts) => facts.colour),
      sixteen_bit: numberOf((facts) => facts.bits === 16),
      rotated: numberOf((facts) => facts.orientation !== 1),
      head_not_found: numberOf((facts) => facts.head?.found === false),
      head_doubtful: numberOf((facts) => facts.head !== undefined && isDoubtful(facts.head)),
    },
    resumed,
    patients_named: number(({ source }) => source.patient !== undefined),
    masks: number(hasMask),
    masks_missing: entries.some(hasMask)
      ? entries.filter((entry) => !hasMask(entry)).map(({ source }) => source.shown)
      : [],
    alike_labels: grouping.twoLabels.map(({ paths, labels }) => ({ files: [...paths], labels: [...labels] })),
    sites: [...new Set(entries.flatMap(({ source }) => source.site ?? []))].sort(compareText),
    images_of_each: [...new Set(entries.flatMap(imageNames))].sort(compareText),
    faces: faceCounts(entries),
  };
}

function hasMask({ facts }: Entry): boolean {
  return 'volume' in facts && facts.volume.lesion !== undefined;
}

function imageNames({ source: { content } }: Entry): string[] {
  return content.kind === 'volumes' ? content.images.map(({ name }) => name) : [];
}

function faceCounts(entries: readonly Entry[]): BidsSummary['faces'] {
  const counts: Record<string, number> = {};
  for (const { facts } of entries) {
    const outcome = faceOutcomeOf(facts);
    if (outcome !== undefined) counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

function classCounts(entries: readonly Entry[]): BidsSummary['classes'] {
  const byLabel = Map.groupBy(entries, ({ source }) => source.label);
  const counts = [...byLabel].map(([label, own]) => {
    const kept = own.filter(({ mark }) => mark.setAside === undefined).length;
    return [label, { images: own.length, kept }] as const;
  });
  return Object.fromEntries(counts);
}

function groupCounts({ sizes, cutLinks }: Grouping, rule: GroupRule): BidsSummary['groups'] {
  const histogram: Record<string, number> = {};
  for (const size of sizes) histogram[size] = (histogram[size] ?? 0) + 1;
  return {
    threshold: rule.threshold,
    cap: rule.cap,
    count: sizes.length,
    largest: sizes[0] ?? 0,
    sizes: histogram,
    cut_links: cutLinks,
  };
}

/** Control characters of file names made visible, so that a name cannot draw on the terminal. */
export function showPath(path: string): string {
  return path.replace(/[\x00-\x1f\x7f-\x9f]/g, (character) => JSON.stringify(character).slice(1, -1));
}

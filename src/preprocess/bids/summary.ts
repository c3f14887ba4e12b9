import { z } from 'zod';
import type { Grouping, GroupRule } from '../groups/find-groups.ts';
import type { Fault } from '../image/fault.ts';
import type { Entry } from './columns.ts';

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
  converted: z.object({ colour: count, sixteen_bit: count, rotated: count, head_not_found: count }),
  /** Images taken over from a run that was broken off. */
  resumed: count,
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
    bad: bad.map((fault) => ({ ...fault })),
    groups: groupCounts(grouping, rule),
    converted: {
      colour: number((entry) => entry.facts.colour),
      sixteen_bit: number((entry) => entry.facts.bits === 16),
      rotated: number((entry) => entry.facts.orientation !== 1),
      head_not_found: number((entry) => entry.facts.head?.found === false),
    },
    resumed,
  };
}

function classCounts(entries: readonly Entry[]): BidsSummary['classes'] {
  const classes: BidsSummary['classes'] = {};
  for (const { source, mark } of entries) {
    const sofar = classes[source.label] ?? { images: 0, kept: 0 };
    const kept = sofar.kept + (mark.setAside === undefined ? 1 : 0);
    classes[source.label] = { images: sofar.images + 1, kept };
  }
  return classes;
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

/** For people. */
export function renderSummary(summary: BidsSummary): string {
  const { groups, set_aside: aside, converted } = summary;
  const rows = Object.entries(summary.classes).map(
    ([label, { images, kept }]) =>
      `  ${label.padEnd(16)} ${String(images).padStart(6)} ${String(kept).padStart(6)}`,
  );
  const notes = [
    aside.duplicate && `${aside.duplicate} exact copies set aside`,
    aside.label_conflict &&
      `${aside.label_conflict} images in ${summary.label_conflicts.length} groups with one image under two labels set aside`,
    summary.bad.length && `${summary.bad.length} files left out:`,
    ...summary.bad.map(({ code, path, detail }) => `  ${showPath(path)}: ${code}, ${detail}`),
    converted.colour && `${converted.colour} colour images turned to grey`,
    converted.sixteen_bit && `${converted.sixteen_bit} images have 16 bits`,
    converted.rotated && `${converted.rotated} images turned upright`,
    converted.head_not_found && `${converted.head_not_found} images kept whole: no head found`,
    summary.resumed && `${summary.resumed} images taken over from the run before`,
  ];
  return [
    `  ${'class'.padEnd(16)} images   kept`,
    ...rows,
    `${groups.count} groups at correlation ${groups.threshold}, largest ${groups.largest}` +
      (groups.cut_links > 0 ? `; ${groups.cut_links} like pairs kept apart by the cap of ${groups.cap}` : ''),
    ...notes.filter((note) => typeof note === 'string'),
    summary.target === null ? 'Nothing was written (--dry-run).' : `BIDS data set: ${summary.target}`,
  ].join('\n');
}

/** Control characters of file names made visible, so that a name cannot draw on the terminal. */
export function showPath(path: string): string {
  return path.replace(/[\x00-\x1f\x7f-\x9f]/g, (character) => JSON.stringify(character).slice(1, -1));
}

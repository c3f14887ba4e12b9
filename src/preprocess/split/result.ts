import { z } from 'zod';
import { selectionSchema } from '../../runtime/base/selection/selection.ts';
import type { Subjects } from '../select/read-subjects.ts';
import { heterogeneitySchema, splitHeterogeneity } from './heterogeneity.ts';
import type { SplitManifest } from './manifest.ts';

const counts = z.record(z.string(), z.int());

/** The result of `preprocess split`. */
export const splitResultSchema = z.object({
  /** Path of the manifest that was written or read. */
  split: z.string(),
  sha256: z.string(),
  /** Which images with which label and group; what is not said is as ever: T1w images, labels in `diagnosis`. */
  selection: selectionSchema,
  /** Where the labels stood, and what each value was read as; null: left out. */
  labels: z.object({
    table: z.string(),
    column: z.string(),
    values: z.array(z.object({ value: z.string(), label: z.string().nullable(), participants: z.int() })),
  }),
  sites: z.array(
    z.object({
      name: z.string(),
      train: z.int(),
      validation: z.int(),
      test: z.int(),
      classes: z.object({ train: counts, validation: counts, test: counts }),
    }),
  ),
  groups: z.object({ count: z.int(), largest: z.int() }),
  /** How unlike the sites are, from the counts. */
  heterogeneity: heterogeneitySchema,
  left_out: z.array(z.object({ participant: z.string(), reason: z.string() })),
  warnings: z.array(z.string()),
  /** The file with the heterogeneity, if it was asked for. */
  report: z.string().nullable(),
  /** The folder with one tree a site, if it was made. */
  materialized: z.string().nullable(),
});
export type SplitResult = z.infer<typeof splitResultSchema>;

export function splitResult(what: {
  path: string;
  split: SplitManifest;
  leftOut: SplitResult['left_out'];
  warnings: readonly string[];
  materialized: string | null;
  report: string | undefined;
  subjects: Subjects;
}): SplitResult {
  const { path, split, leftOut, warnings, materialized, report, subjects } = what;
  const { labels, selection, labelAt } = subjects;
  const read = Map.groupBy(labelAt.values(), ({ value }) => value);
  return {
    split: path,
    sha256: split.sha256,
    selection,
    labels: {
      table: labels?.table ?? '',
      column: labels?.column ?? '',
      values: (labels?.values ?? []).map(({ value, label }) => {
        return { value, label, participants: read.get(value)?.length ?? 0 };
      }),
    },
    sites: split.sites.map((site) => ({
      name: site.name,
      train: site.train.length,
      validation: site.validation.length,
      test: site.test.length,
      classes: site.classes,
    })),
    groups: split.groups,
    heterogeneity: splitHeterogeneity(split),
    left_out: leftOut,
    warnings: [...warnings],
    report: report ?? null,
    materialized,
  };
}

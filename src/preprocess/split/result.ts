import { z } from 'zod';
import type { SplitManifest } from './manifest.ts';

const counts = z.record(z.string(), z.int());

/** The result of `preprocess split`. */
export const splitResultSchema = z.object({
  /** Path of the manifest that was written or read. */
  split: z.string(),
  sha256: z.string(),
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
  left_out: z.array(z.object({ participant: z.string(), reason: z.string() })),
  warnings: z.array(z.string()),
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
}): SplitResult {
  const { path, split, leftOut, warnings, materialized } = what;
  return {
    split: path,
    sha256: split.sha256,
    sites: split.sites.map((site) => ({
      name: site.name,
      train: site.train.length,
      validation: site.validation.length,
      test: site.test.length,
      classes: site.classes,
    })),
    groups: split.groups,
    left_out: leftOut,
    warnings: [...warnings],
    materialized,
  };
}

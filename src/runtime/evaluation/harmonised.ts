import { harmonyOf, requireHarmonised, ruleNote } from '../learning/dataset/harmony.ts';
import { pictureForm } from '../learning/dataset/shown-pictures.ts';
import type { ClassTarget } from './open-target.ts';
import type { EvaluationData } from './site-data.ts';

/** The same is done with everybody's pictures as was in training, by the site that they are of. */
export function harmonised(
  data: EvaluationData,
  { harmonisation, spec }: ClassTarget,
  { slices }: { readonly slices: number },
): { readonly data: EvaluationData; readonly notes: readonly string[] } {
  if (!harmonisation) return { data, notes: [] };
  requireHarmonised(harmonisation, pictureForm(spec, slices), 'The evaluation');
  const bySite = new Map(data.sites.map((site) => [site, harmonyOf(harmonisation, site).harmony]));
  const rows = data.rows.map((row) => ({ ...row, harmony: bySite.get(row.site) }));
  return {
    data: { ...data, rows },
    notes: data.sites.flatMap((site) => ruleNote(harmonisation, site) ?? []),
  };
}

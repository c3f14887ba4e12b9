import { COLUMN, groupOf, type Participants } from '../bids/participants.ts';
import { type Finding, finding } from './finding.ts';
import type { ImageFacts } from './inspect-image.ts';

/** Images of different people that have the same voxels and that nothing keeps together. */
export function findCopies(images: readonly ImageFacts[], participants: Participants): Finding[] {
  const rows = new Map(participants.rows.map((row) => [row.id, row]));
  const used = images.filter(({ participant }) => !rows.get(participant)?.values.has(COLUMN.setAside));
  return [...Map.groupBy(used, ({ voxelSha256 }) => voxelSha256).values()].flatMap((copies) => {
    const [first, ...others] = copies;
    const one = first && rows.get(first.participant);
    if (!first || !one) return [];
    return others.flatMap(({ participant, path }) => {
      const other = rows.get(participant);
      if (!other || participant === first.participant) return [];
      const place = { file: path, participant };
      const label = other.values.get(COLUMN.diagnosis) ?? 'n/a';
      const otherLabel = one.values.get(COLUMN.diagnosis) ?? 'n/a';
      const params = { participant, other: one.id, label, otherLabel };
      if (label !== otherLabel) return [finding('error', 'NF_CHECK_COPY_LABELS', { params, place })];
      return groupOf(one) === groupOf(other) ? [] : [finding('error', 'NF_CHECK_COPY', { params, place })];
    });
  });
}

import { COLUMN, groupOf, type Participants } from '../bids/participants.ts';
import { similarPairs, toPattern } from '../groups/correlate.ts';
import { PARTITIONS, type SplitManifest } from '../split/manifest.ts';
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

/** Over this two images may be of one patient, as in `preprocess bids`. */
const ALIKE = 0.95;

/** Pairs of like images that a split puts into different parts or sites, as one finding. */
export async function findAlike(
  images: readonly ImageFacts[],
  {
    participants,
    split,
    signal,
  }: { participants: Participants; split: SplitManifest; signal?: AbortSignal | undefined },
): Promise<Finding[]> {
  const place = new Map(
    split.sites.flatMap((site) =>
      PARTITIONS.flatMap((part) => site[part].map((id) => [id, `${site.name} ${part}`])),
    ),
  );
  const rows = new Map(participants.rows.map((row) => [row.id, row]));
  const used = images.filter(({ participant }) => place.has(participant));
  const patterns = used.map(({ thumbnail }) => toPattern(thumbnail));
  const pairs = (await similarPairs(patterns, ALIKE, signal ? { signal } : {})).flatMap(({ a, b }) => {
    const [one, other] = [used[a]?.participant ?? '', used[b]?.participant ?? ''];
    const [at, otherAt] = [place.get(one) ?? '', place.get(other) ?? ''];
    const labels = [one, other].map((id) => rows.get(id)?.values.get(COLUMN.diagnosis));
    return at !== otherAt && one !== other && labels[0] === labels[1] ? [{ one, other, at, otherAt }] : [];
  });
  const [first] = pairs;
  if (!first) return [];
  const params = {
    count: pairs.length,
    threshold: ALIKE,
    participant: first.one,
    place: first.at,
    other: first.other,
    otherPlace: first.otherAt,
  };
  return [finding('warning', 'NF_CHECK_ALIKE', { params, place: { participant: first.one } })];
}

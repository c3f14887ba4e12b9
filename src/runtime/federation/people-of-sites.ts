import type { Participant } from '../../preprocess/bids/participants.ts';
import type { Subjects } from '../../preprocess/select/read-subjects.ts';
import type { Partition, SplitManifest } from '../../preprocess/split/manifest.ts';

/** What is known of a run's people before work starts; undefined where the job names no split or no data. */
export interface KnownPeople {
  readonly split: SplitManifest | undefined;
  readonly subjects: Subjects | undefined;
}

/** Rows of a part at each site of the run, in the order of the split; undefined where no split says so. */
export function peopleOfSites(
  { split, subjects }: KnownPeople,
  sites: readonly string[],
  part: Partition,
): { readonly site: string; readonly people: readonly Participant[] }[] | undefined {
  if (!split || !subjects) return undefined;
  const rows = new Map(subjects.rows.map((row) => [row.id, row]));
  return split.sites
    .filter(({ name }) => sites.includes(name))
    .map((dealt) => ({ site: dealt.name, people: dealt[part].flatMap((id) => rows.get(id) ?? []) }));
}

import { flError } from '../../runtime/base/errors/errors.ts';
import type { Random } from '../../runtime/base/random.ts';
import type { Group } from './cohort.ts';
import type { Skew } from './skew.ts';

/**
 * Which sites have which values, as shares of each value's images: every site has `each` of them. A value has more shards the more images it
 * has, so that shards are of like size; which sites get them is drawn. After McMahan et al., "Communication-efficient learning of deep
 * networks from decentralized data" (2017), but no shard has two classes, no site two shards of one, and groups stay whole.
 * @returns by value, shares of the sites
 * @throws NF_SPLIT_SHARDS
 */
export function dealShards(
  groups: readonly Group[],
  skew: Skew,
  { sites, each, random }: { sites: number; each: number; random: Random },
): Map<string, number[]> {
  const found = Map.groupBy(groups, skew.valueOf);
  const values = [...found].map(([value, own]): Sharded => {
    const images = own.reduce((sum, group) => sum + group.members.length, 0);
    return { value, images, most: Math.min(sites, own.length), shards: 1 };
  });
  requireRoom(values, skew, { sites, each });
  let left = sites * each - values.length;
  for (; left > 0; left--) {
    const open = values.filter(({ shards, most }) => shards < most);
    const largest = open.reduce((a, b) => (b.images / (b.shards + 1) > a.images / (a.shards + 1) ? b : a));
    largest.shards++;
  }
  return assign(values, { sites, each, random });
}

interface Sharded {
  readonly value: string;
  readonly images: number;
  /** Shards that it can be cut into: one a site, and a group is not divided. */
  readonly most: number;
  shards: number;
}

/** @throws NF_SPLIT_SHARDS */
function requireRoom(
  values: readonly Sharded[],
  { of }: Skew,
  { sites, each }: { sites: number; each: number },
): void {
  const refuse = (detail: string) => flError('NF_SPLIT_SHARDS', { sites, each, of, detail });
  if (each > values.length) throw refuse(`there are ${values.length}`);
  const room = sites * each;
  if (room < values.length)
    throw refuse(`there are ${values.length}, and ${values.length - room} would go to no site`);
  const most = values.reduce((sum, value) => sum + value.most, 0);
  if (most < room) throw refuse(`the groups make ${most} shards, and ${room} are wanted`);
}

/** Those with most shards first, each to the sites with most room: so no site is left with room for a value that it has (Gale and Ryser, 1957). */
function assign(
  values: readonly Sharded[],
  { sites, each, random }: { sites: number; each: number; random: Random },
): Map<string, number[]> {
  const room = new Array<number>(sites).fill(each);
  const ordered = random.shuffle([...values]).sort((a, b) => b.shards - a.shards);
  return new Map(
    ordered.map(({ value, shards }) => {
      const order = random.shuffle([...room.keys()]).sort((a, b) => (room[b] ?? 0) - (room[a] ?? 0));
      const chosen = new Set(order.slice(0, shards));
      for (const site of chosen) room[site] = (room[site] ?? 0) - 1;
      return [value, room.map((_, site) => (chosen.has(site) ? 1 / shards : 0))];
    }),
  );
}

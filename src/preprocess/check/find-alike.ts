import { COLUMN, groupOf, type Participant, type Participants } from '../bids/participants.ts';
import { type Pattern, similarPairs, toPattern } from '../groups/correlate.ts';
import { SAME_HEAD, SAME_PICTURE } from '../groups/find-groups.ts';
import { mirrorThumbnail } from '../groups/head-thumbnail.ts';
import { makeThumbnail } from '../groups/thumbnail.ts';
import type { ImageLink } from '../split/links.ts';
import { PARTITIONS, type SplitManifest } from '../split/manifest.ts';
import { type Finding, finding } from './finding.ts';
import type { ImageFacts } from './inspect-image.ts';

/** Over this two stored images may be of one patient, as in `preprocess bids`. */
const ALIKE = 0.95;

interface Wish {
  readonly participants: Participants;
  readonly split: SplitManifest | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An image in use, and where a split has put its participant: the group itself where there is no split. */
interface Compared {
  readonly facts: ImageFacts;
  readonly row: Participant;
  readonly home: string;
  /** Of slices less likeness is needed than of volumes: small heads are all alike. */
  readonly least: number;
}

/**
 * Images that are alike and that nothing keeps together: with a split those in different parts or sites, without one those in different groups. What is
 * compared is the picture that a network is given, so that another border does not hide a copy, also with left and right exchanged; with a split
 * the stored images, too.
 */
export async function findAlike(
  images: readonly ImageFacts[],
  wish: Wish,
): Promise<{ findings: Finding[]; links: ImageLink[] }> {
  const compared = inUse(images, wish);
  const links = await linksOf(compared, wish);
  const rows = new Map(
    compared.map(({ row, home }) => [row.id, { home, label: row.values.get(COLUMN.diagnosis) }]),
  );
  const findings = links.flatMap((link) => oneFinding(link, rows));
  const alike = links.filter(
    ({ one, other, kind }) => kind === 'alike' && rows.get(one)?.label === rows.get(other)?.label,
  );
  const [first] = alike;
  if (!first) return { findings, links };
  const params = { count: alike.length, participant: first.one, other: first.other };
  const places = { place: rows.get(first.one)?.home ?? '', otherPlace: rows.get(first.other)?.home ?? '' };
  const place = { participant: first.one };
  const told = wish.split
    ? finding('warning', 'NF_CHECK_ALIKE', { params: { ...params, ...places }, place })
    : finding('warning', 'NF_CHECK_ALIKE_GROUPS', { params, place });
  return { findings: [...findings, told], links };
}

function inUse(images: readonly ImageFacts[], { participants, split }: Wish): Compared[] {
  const rows = new Map(participants.rows.map((row) => [row.id, row]));
  const homes =
    split &&
    new Map(
      split.sites.flatMap((site) =>
        PARTITIONS.flatMap((part) => site[part].map((id) => [id, `${site.name} ${part}`])),
      ),
    );
  return images.flatMap((facts): Compared[] => {
    const row = rows.get(facts.participant);
    if (!row || row.values.has(COLUMN.setAside)) return [];
    const home = homes ? homes.get(row.id) : groupOf(row);
    const isSlice = facts.shape.filter((size) => size > 1).length < 3;
    return home === undefined ? [] : [{ facts, row, home, least: isSlice ? SAME_HEAD : SAME_PICTURE }];
  });
}

/**
 * The strongest link of each two participants with different homes. Of copies the first of each class stands for all when pictures are compared: each of
 * the others is linked to the first copy, and with it to what is like it.
 */
async function linksOf(compared: readonly Compared[], { split, signal }: Wish): Promise<ImageLink[]> {
  const side = (bytes: Uint8Array) => Math.sqrt(bytes.length);
  const different = [
    ...Map.groupBy(
      compared,
      ({ facts, row }) => `${facts.voxelSha256} ${row.values.get(COLUMN.diagnosis)}`,
    ).values(),
  ].flatMap(([first]) => first ?? []);
  const heads = different.map(({ facts: { picture: pixels } }) =>
    makeThumbnail({ width: side(pixels), height: side(pixels), pixels }),
  );
  const patterns = heads.map(toPattern);
  const turned = heads.map((head) => toPattern(mirrorThumbnail(head)));
  const stored = split ? different.map(({ facts }) => toPattern(facts.thumbnail)) : [];
  const found: ImageLink[] = [
    ...copiesOf(compared),
    ...(await pairsOf(different, patterns, { kind: 'alike', signal })),
    ...(await pairsOf(different, stored, { kind: 'alike', least: ALIKE, signal })),
    ...(await pairsOf(different, patterns, { kind: 'mirrored', others: turned, signal })),
  ];
  const strongest = new Map<string, ImageLink>();
  for (const link of found) {
    const key = `${link.one} ${link.other}`;
    const known = strongest.get(key);
    if (!known || (known.kind === link.kind && known.correlation < link.correlation))
      strongest.set(key, link);
  }
  return [...strongest.values()];
}

function copiesOf(compared: readonly Compared[]): ImageLink[] {
  return [...Map.groupBy(compared, ({ facts }) => facts.voxelSha256).values()].flatMap(([first, ...others]) =>
    others.flatMap((other) => (first ? linkOf(first, other, { kind: 'copy', correlation: 1 }) : [])),
  );
}

async function pairsOf(
  compared: readonly Compared[],
  patterns: readonly Pattern[],
  how: {
    kind: ImageLink['kind'];
    least?: number;
    others?: readonly Pattern[];
    signal?: AbortSignal | undefined;
  },
): Promise<ImageLink[]> {
  const { kind, least, others, signal } = how;
  const watch = { ...(others && { others }), ...(signal && { signal }) };
  const pairs = await similarPairs(patterns, least ?? SAME_HEAD, watch);
  return pairs.flatMap(({ a, b, correlation }) => {
    const [one, other] = [compared[a], compared[b]];
    if (!one || !other || correlation <= (least ?? Math.max(one.least, other.least))) return [];
    return linkOf(one, other, { kind, correlation });
  });
}

function linkOf(one: Compared, other: Compared, what: Pick<ImageLink, 'kind' | 'correlation'>): ImageLink[] {
  if (one.row.id === other.row.id || one.home === other.home) return [];
  // Of different classes they are of different patients, unless they are one picture.
  const isOneClass = one.row.values.get(COLUMN.diagnosis) === other.row.values.get(COLUMN.diagnosis);
  if (what.kind === 'alike' && !isOneClass && what.correlation <= SAME_PICTURE) return [];
  const [first, second] = [one.row.id, other.row.id].sort() as [string, string];
  return [{ one: first, other: second, ...what }];
}

/** Mirror images, and one picture under two labels, pair by pair; copies are told by `findCopies`. */
function oneFinding(
  { one, other, kind }: ImageLink,
  rows: ReadonlyMap<string, { label: string | undefined }>,
): Finding[] {
  const place = { participant: one };
  if (kind === 'mirrored')
    return [finding('warning', 'NF_CHECK_MIRRORED', { params: { one, other }, place })];
  const [label, otherLabel] = [rows.get(one)?.label ?? 'n/a', rows.get(other)?.label ?? 'n/a'];
  if (kind === 'copy' || label === otherLabel) return [];
  const params = { participant: one, other, label, otherLabel };
  return [finding('warning', 'NF_CHECK_ALIKE_LABELS', { params, place })];
}

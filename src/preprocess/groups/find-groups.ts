import { numberAt } from '../../runtime/base/at.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import type { Progress } from '../../runtime/base/logging/progress.ts';
import { compareText } from '../../runtime/base/text/compare-text.ts';
import { correlation, type Link, type Pattern, similarPairs, toPattern } from './correlate.ts';
import { mirrorThumbnail } from './head-thumbnail.ts';
import { CERTAIN, linkGroups } from './link.ts';
import { neighbourPairs } from './series.ts';

/** A picture as grouping sees it. */
export interface GroupItem {
  /** Relative path with `/`; items are told apart by it. */
  readonly path: string;
  readonly label: string;
  /** Digest of size and decoded pixels. */
  readonly pixelSha256: string;
  /** Undefined for what is not compared: volumes, whose heads are all alike when they are small. */
  readonly thumbnail: Uint8Array | undefined;
  /** Of the head alone, see `makeHeadThumbnail`; where there is a thumbnail. */
  readonly headThumbnail: Uint8Array | undefined;
  /** Who it is of, where the source says so; undefined leaves it to likeness. */
  readonly patient: string | undefined;
  /** Of exact copies, a preferred one is kept (the training copy). */
  readonly preferred: boolean;
}

export type SetAsideReason = 'duplicate' | 'label_conflict';

export interface GroupMark {
  /** `group-0001`, numbered by the first path of each group. */
  readonly group: string;
  /** Path of the copy that is kept, for the others of one set of pixel-identical pictures. */
  readonly duplicateOf?: string;
  /** Why splits leave the picture out; undefined keeps it. */
  readonly setAside?: SetAsideReason;
}

export interface GroupRule {
  /** Pictures whose thumbnails correlate over this may be of one patient. */
  readonly threshold: number;
  /** Most distinct pictures a group. */
  readonly cap: number;
}

export interface LabelConflict {
  readonly group: string;
  readonly labels: readonly string[];
  readonly paths: readonly string[];
}

export interface Grouping {
  readonly marks: ReadonlyMap<string, GroupMark>;
  readonly conflicts: readonly LabelConflict[];
  /** Number of distinct pictures in each group, largest first. */
  readonly sizes: readonly number[];
  /** Pairs that count as one patient's but stand in different groups because of the cap. */
  readonly cutLinks: number;
  /** Pairs of paths in different groups of which one looks like the mirror image of the other, most alike first. */
  readonly mirrored: readonly (readonly [string, string])[];
  /** Pairs that look like one picture and have different labels, of which the patient of one is named, most alike first; others are conflicts. */
  readonly twoLabels: readonly { readonly paths: readonly string[]; readonly labels: readonly string[] }[];
}

/** Three times the slices a patient of the set that the Kaggle images are commonly said to come from (3064 of 233), and some more. */
export const DEFAULT_CAP = 48;
/** Neighbours by file number need less likeness to count as one patient's. */
const NEIGHBOUR_THRESHOLD = 0.8;
/**
 * Pictures with different labels are of different patients unless a label is wrong, so likeness alone does not join them; only
 * over this do they count as one picture under two labels.
 */
export const SAME_PICTURE = 0.99;
/** Heads alone are more alike than pictures with their borders; few of different patients come near this. */
export const SAME_HEAD = 0.97;

/** @throws NF_BIDS_THRESHOLD unless the text is a number over 0 and at most 1. */
export function parseThreshold(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0 && value <= 1)) throw flError('NF_BIDS_THRESHOLD', { value: text });
  return value;
}

/**
 * Marks exact copies and groups what may be one patient: the union of pixel-identical pictures, of pictures of one patient where the source
 * names patients, and where it does not, of thumbnails that correlate over the threshold, of thumbnails of the head alone that correlate over
 * 0.97 (one picture with two borders), and of neighbours by file number that correlate over 0.8. A group in which one picture has two labels is set aside whole. A lower bound on leakage where no patient is named.
 * The order of the items does not matter.
 */
export async function findGroups(
  items: readonly GroupItem[],
  rule: GroupRule,
  watch: { progress?: Progress; signal?: AbortSignal } = {},
): Promise<Grouping> {
  const sorted = items.toSorted((a, b) => compareText(a.path, b.path));
  const copies = copiesOf(sorted);
  const pictures = [...copies.values()];
  const guessed = pictures.flatMap(([kept], at) => guessedOf(kept, at));
  const index = new Map([...copies.keys()].map((digest, at) => [digest, at]));
  const near = (await nearPairs(guessed, rule.threshold, watch)).filter(
    ({ a, b, correlation }) => labelOf(pictures, a) === labelOf(pictures, b) || correlation > SAME_PICTURE,
  );
  const links = [...near, ...neighbourLinks(sorted, guessed, index), ...patientLinks(sorted, index)];
  const { rootOf, cut } = linkGroups(pictures.length, uniqueLinks(links), rule.cap);
  const doubted = near.filter(({ a, b }) => labelOf(pictures, a) !== labelOf(pictures, b));
  const pathOf = (at: number) => pictures[at]?.[0]?.path ?? '';
  const mirrored = (await mirroredPairs(guessed, watch))
    .filter(({ a, b }) => rootOf[a] !== rootOf[b])
    .map(({ a, b }) => [pathOf(a), pathOf(b)] as const);
  const twoLabels = await alikeUnderTwoLabels(pictures, watch);
  return { ...mark(sorted, { copies, rootOf, doubted }), cutLinks: cut, mirrored, twoLabels };
}

/** Patients keep pictures together, and say nothing of a picture that is there twice, once under each label. */
async function alikeUnderTwoLabels(
  pictures: readonly (readonly GroupItem[])[],
  watch: { progress?: Progress; signal?: AbortSignal },
): Promise<Grouping['twoLabels']> {
  const kept = pictures.flatMap(([first]) => (first?.thumbnail && first.headThumbnail ? [first] : []));
  if (kept.every(({ patient }) => patient === undefined)) return [];
  const pairs: Link[] = [];
  for (const view of ['thumbnail', 'headThumbnail'] as const) {
    const patterns = kept.map((item) => toPattern(item[view] ?? new Uint8Array()));
    pairs.push(...(await similarPairs(patterns, SAME_PICTURE, watch)));
  }
  return uniqueLinks(pairs)
    .sort((p, q) => q.correlation - p.correlation)
    .flatMap(({ a, b }) => {
      const [one, other] = [kept[a], kept[b]];
      if (!one || !other || one.label === other.label) return [];
      if (one.patient === undefined && other.patient === undefined) return [];
      return [{ paths: [one.path, other.path], labels: [one.label, other.label] }];
    });
}

/** A distinct picture whose patient is not known, by its place among all distinct pictures. */
interface Guessed {
  readonly at: number;
  readonly pattern: Pattern;
  /** Of the head alone, and with left and right exchanged. */
  readonly head: Pattern;
  readonly turned: Pattern;
}

function guessedOf(item: GroupItem | undefined, at: number): Guessed[] {
  if (!item?.thumbnail || !item.headThumbnail || item.patient !== undefined) return [];
  const { thumbnail, headThumbnail } = item;
  const turned = toPattern(mirrorThumbnail(headThumbnail));
  return [{ at, pattern: toPattern(thumbnail), head: toPattern(headThumbnail), turned }];
}

async function nearPairs(
  guessed: readonly Guessed[],
  threshold: number,
  watch: { progress?: Progress; signal?: AbortSignal },
): Promise<Link[]> {
  const patterns = guessed.map(({ pattern }) => pattern);
  const heads = guessed.map(({ head }) => head);
  const pairs = [
    ...(await similarPairs(patterns, threshold, watch)),
    ...(await similarPairs(heads, SAME_HEAD, watch)),
  ];
  return placed(pairs, guessed);
}

/** Pairs of which one head looks like the other with left and right exchanged, most alike first. */
async function mirroredPairs(
  guessed: readonly Guessed[],
  watch: { progress?: Progress; signal?: AbortSignal },
): Promise<Link[]> {
  const others = guessed.map(({ turned }) => turned);
  const heads = guessed.map(({ head }) => head);
  const pairs = await similarPairs(heads, SAME_HEAD, { ...watch, others });
  return placed(pairs, guessed).sort((p, q) => q.correlation - p.correlation);
}

/** By places among all distinct pictures. */
function placed(pairs: readonly Link[], guessed: readonly Guessed[]): Link[] {
  const placeOf = (at: number) => (guessed[at] as Guessed).at;
  return pairs.map(({ a, b, correlation }) => ({ a: placeOf(a), b: placeOf(b), correlation }));
}

/** Each picture of a patient with the one before it; no cap parts them. */
function patientLinks(sorted: readonly GroupItem[], index: ReadonlyMap<string, number>): Link[] {
  const last = new Map<string, number>();
  return sorted.flatMap(({ patient, pixelSha256 }): Link[] => {
    if (patient === undefined) return [];
    const at = index.get(pixelSha256) as number;
    const before = last.get(patient);
    last.set(patient, at);
    if (before === undefined || before === at) return [];
    return [{ a: Math.min(before, at), b: Math.max(before, at), correlation: CERTAIN }];
  });
}

function labelOf(pictures: readonly (readonly GroupItem[])[], at: number): string | undefined {
  return pictures[at]?.[0]?.label;
}

/** Pixel-identical pictures under their digest, the one to keep first. */
function copiesOf(sorted: readonly GroupItem[]): Map<string, GroupItem[]> {
  const copies = new Map<string, GroupItem[]>();
  for (const item of sorted) copies.set(item.pixelSha256, [...(copies.get(item.pixelSha256) ?? []), item]);
  for (const set of copies.values()) set.sort((a, b) => Number(b.preferred) - Number(a.preferred));
  return copies;
}

function neighbourLinks(
  sorted: readonly GroupItem[],
  guessed: readonly Guessed[],
  index: ReadonlyMap<string, number>,
): Link[] {
  const at = sorted.map((item) => index.get(item.pixelSha256) as number);
  const patternAt = new Map(guessed.map(({ at: place, pattern }) => [place, pattern]));
  return neighbourPairs(sorted.map((item) => item.path)).flatMap(([one, other]) => {
    const [a, b] = [numberAt(at, one), numberAt(at, other)].sort((p, q) => p - q) as [number, number];
    const [first, second] = [patternAt.get(a), patternAt.get(b)];
    if (a === b || !first || !second) return [];
    const value = correlation(first, second);
    return value > NEIGHBOUR_THRESHOLD ? [{ a, b, correlation: value }] : [];
  });
}

function uniqueLinks(links: readonly Link[]): Link[] {
  // Of a pair with several, the strongest.
  const rising = links.toSorted(
    (p, q) => Number(p.correlation > q.correlation) - Number(p.correlation < q.correlation),
  );
  return [...new Map(rising.map((link) => [`${link.a} ${link.b}`, link])).values()];
}

function mark(
  sorted: readonly GroupItem[],
  found: {
    copies: ReadonlyMap<string, readonly GroupItem[]>;
    rootOf: readonly number[];
    /** Like pictures under two labels. */
    doubted: readonly Link[];
  },
): Omit<Grouping, 'cutLinks' | 'mirrored' | 'twoLabels'> {
  const { copies, rootOf, doubted } = found;
  const doubtedRoots = new Set(doubted.map(({ a }) => numberAt(rootOf, a)));
  const members = new Map<number, GroupItem[]>();
  const rootOfDigest = new Map([...copies.keys()].map((digest, at) => [digest, numberAt(rootOf, at)]));
  for (const item of sorted) {
    const root = rootOfDigest.get(item.pixelSha256) as number;
    members.set(root, [...(members.get(root) ?? []), item]);
  }
  const marks = new Map<string, GroupMark>();
  const conflicts: LabelConflict[] = [];
  const width = Math.max(4, String(members.size).length);
  for (const [at, [root, group]] of [...members].entries()) {
    const name = `group-${String(at + 1).padStart(width, '0')}`;
    const labels = [...new Set(group.map((item) => item.label))].sort();
    // A patient may have images of two classes; one image may not.
    const isOfPatients = group.some(({ patient }) => patient !== undefined);
    const conflict =
      labels.length > 1 && (!isOfPatients || doubtedRoots.has(root) || hasTwoLabels(group, copies));
    if (conflict) conflicts.push({ group: name, labels, paths: group.map((item) => item.path) });
    for (const item of group) marks.set(item.path, markOf({ item, name, conflict, copies }));
  }
  return { marks, conflicts, sizes: sizesOf(rootOf) };
}

/** Whether pixel-identical pictures of a group have different labels. */
function hasTwoLabels(
  group: readonly GroupItem[],
  copies: ReadonlyMap<string, readonly GroupItem[]>,
): boolean {
  return group.some(({ label, pixelSha256 }) =>
    copies.get(pixelSha256)?.some((copy) => copy.label !== label),
  );
}

function markOf(what: {
  item: GroupItem;
  name: string;
  conflict: boolean;
  copies: ReadonlyMap<string, readonly GroupItem[]>;
}): GroupMark {
  const { item, name, conflict, copies } = what;
  const kept = copies.get(item.pixelSha256)?.[0]?.path;
  const copy = kept !== undefined && kept !== item.path;
  const reason = conflict ? 'label_conflict' : copy ? 'duplicate' : undefined;
  return { group: name, ...(copy && { duplicateOf: kept }), ...(reason && { setAside: reason }) };
}

function sizesOf(rootOf: readonly number[]): number[] {
  const sizes = new Map<number, number>();
  for (const root of rootOf) sizes.set(root, (sizes.get(root) ?? 0) + 1);
  return [...sizes.values()].sort((a, b) => b - a);
}

import { basename, relative } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import { sameValue } from '../../runtime/base/selection/entities.ts';
import { channelSelections, DEFAULTS, type Selection } from '../../runtime/base/selection/selection.ts';
import { compareText } from '../../runtime/base/text/compare-text.ts';
import { type ImageName, parseImageName } from './image-name.ts';

interface Candidate extends ImageName {
  readonly path: string;
}

/** `T1w image with ses=preop`, `set of T1w and FLAIR images`: what a selection looks for, for messages. */
export function describeImages(selection: Selection): string {
  if (selection.channels) return `set of ${channelNames(selection).join(', ')} images`;
  const { suffix = DEFAULTS.suffix, filter } = selection;
  return [`${suffix} image`, ...(filter ? [`with ${filterText(filter)}`] : [])].join(' ');
}

/** `T1w`, `T1w with ce=gadolinium`, in the order of the channels. */
export function channelNames(selection: Selection): string[] {
  return channelSelections(selection).map(({ suffix = DEFAULTS.suffix, filter }) =>
    filter ? `${suffix} with ${filterText(filter)}` : suffix,
  );
}

function filterText(filter: NonNullable<Selection['filter']>): string {
  const values = (list: readonly (string | null)[]) => list.map((value) => value ?? '').join('|');
  return Object.entries(filter)
    .map(([entity, list]) => `${entity}=${values(list)}`)
    .join(',');
}

/** Those of a subject's images that the selection takes, in the order of their paths. @throws NF_SELECT_AMBIGUOUS */
export function chooseImages(paths: readonly string[], selection: Selection): string[] {
  const { suffix = DEFAULTS.suffix, filter = {}, one_per: onePer = DEFAULTS.one_per } = selection;
  const candidates = paths
    .flatMap((path): Candidate[] => {
      const name = parseImageName(basename(path));
      return name?.suffix === suffix && passes(name, filter) ? [{ ...name, path }] : [];
    })
    .sort((a, b) => compareText(a.path, b.path));
  if (onePer === 'all') return candidates.map(({ path }) => path);
  const session = ({ entities }: Candidate) => (onePer === 'session' ? (entities.get('ses') ?? '') : '');
  return [...Map.groupBy(candidates, session).values()].flatMap((own) => first(own, selection));
}

/** Images that make one example: one of each channel, in their order; one image where a selection names no channels. */
export type Example = readonly string[];

/** A session of a subject in which channels are missing. */
export interface Incomplete {
  /** `01` of `ses-01`; undefined for images without session. */
  readonly session: string | undefined;
  /** As `channelNames` has them. */
  readonly missing: readonly string[];
}

/**
 * The examples of one subject: for each session that has an image of any channel, one image of each, the first by the order of its filter and by run.
 * With `one_per: subject` those of the first session; one that lacks a channel is passed over where `incomplete` is `drop`.
 * @param pathsOf the files among which the images of a channel are
 * @throws NF_SELECT_AMBIGUOUS, NF_SELECT_CHANNEL_TWICE
 */
export function chooseExamples(
  pathsOf: (channel: Selection) => readonly string[],
  selection: Selection,
): { examples: Example[]; incomplete: Incomplete[] } {
  const channels = channelSelections(selection);
  if (!selection.channels) {
    return { examples: chooseImages(pathsOf(selection), selection).map((path) => [path]), incomplete: [] };
  }
  const chosen = channels.map((channel) =>
    Map.groupBy(chooseImages(pathsOf(channel), { ...channel, one_per: 'session' }), sessionOf),
  );
  const sessions = [...new Set(chosen.flatMap((images) => [...images.keys()]))].sort(
    bySession(selection.filter?.ses ?? []),
  );
  const names = channelNames(selection);
  const found = sessions.map((session) => {
    const paths = chosen.flatMap((images) => images.get(session) ?? []);
    const missing = names.filter((_, channel) => !chosen[channel]?.has(session));
    return { session, paths, missing };
  });
  for (const { paths } of found) requireDifferent(paths);
  const isWhole = ({ missing }: (typeof found)[number]) => missing.length === 0;
  const usable = selection.incomplete === 'drop' && found.some(isWhole) ? found.filter(isWhole) : found;
  const taken = selection.one_per === 'subject' ? usable.slice(0, 1) : found;
  return {
    examples: taken.filter(isWhole).map(({ paths }) => paths),
    incomplete: taken.filter((one) => !isWhole(one)),
  };
}

/** `01` of an image of `ses-01`; undefined for one without session. */
export function sessionOf(path: string): string | undefined {
  return parseImageName(basename(path))?.entities.get('ses');
}

/** By the order of the filter, then by name. */
function bySession(order: readonly (string | null)[]) {
  const rank = (session: string | undefined) => rankOf(session, 'ses', order);
  return (a: string | undefined, b: string | undefined) => rank(a) - rank(b) || compareNatural(a, b);
}

/** @throws NF_SELECT_CHANNEL_TWICE where two channels take one image */
function requireDifferent(paths: Example): void {
  const twice = paths.find((path, at) => paths.indexOf(path) !== at);
  if (twice === undefined) return;
  throw flError('NF_SELECT_CHANNEL_TWICE', { path: twice }, { place: { file: twice } });
}

function passes({ entities }: ImageName, filter: NonNullable<Selection['filter']>): boolean {
  return Object.entries(filter).every(
    ([entity, wished]) => rankOf(entities.get(entity), entity, wished) >= 0,
  );
}

/** Its place among the wished values. */
function rankOf(found: string | undefined, entity: string, wished: readonly (string | null)[]): number {
  return wished.findIndex((value) =>
    value === null || found === undefined
      ? value === null && found === undefined
      : sameValue(entity, value, found),
  );
}

/**
 * The first by the order of the filter's values, then by session, then by run. Images that differ in anything else are not alike: a person must
 * say which is meant.
 */
function first(candidates: readonly Candidate[], { filter = {} }: Selection): string[] {
  const ranks = (one: Candidate) =>
    Object.entries(filter).map(([entity, wished]) => rankOf(one.entities.get(entity), entity, wished));
  const [best, ...others] = candidates.toSorted(
    (a, b) =>
      compareLists(ranks(a), ranks(b)) ||
      compareNatural(a.entities.get('ses'), b.entities.get('ses')) ||
      compareNatural(a.entities.get('run'), b.entities.get('run')),
  );
  if (!best) return [];
  const rival = others.find((other) => !isDecided(best, other, new Set(Object.keys(filter))));
  if (!rival) return [best.path];
  const folder = best.path.slice(0, best.path.indexOf(`sub-${best.entities.get('sub')}`));
  const params = {
    participant: `sub-${best.entities.get('sub')}`,
    first: relative(folder, best.path),
    second: relative(folder, rival.path),
    differ: differences(best, rival).join(', ') || 'their ending',
  };
  throw flError('NF_SELECT_AMBIGUOUS', params, { place: { file: best.path } });
}

/** Whether session, run or an entity of the filter puts one before the other, and nothing else tells them apart. */
function isDecided(best: Candidate, other: Candidate, ordered: ReadonlySet<string>): boolean {
  const names = differingEntities(best, other);
  return names.length > 0 && names.every((name) => name === 'ses' || name === 'run' || ordered.has(name));
}

function differingEntities(one: Candidate, other: Candidate): string[] {
  const names = new Set([...one.entities.keys(), ...other.entities.keys()]);
  return [...names].filter((name) => one.entities.get(name) !== other.entities.get(name));
}

function differences(one: Candidate, other: Candidate): string[] {
  return differingEntities(one, other).map(
    (name) => `${name} (${one.entities.get(name) ?? 'none'}, ${other.entities.get(name) ?? 'none'})`,
  );
}

function compareLists(one: readonly number[], other: readonly number[]): number {
  return one.map((value, at) => value - (other[at] ?? 0)).find((gap) => gap !== 0) ?? 0;
}

/** Those without the entity first; `2` before `10`. */
function compareNatural(one = '', other = ''): number {
  return one.localeCompare(other, 'en', { numeric: true }) || compareText(one, other);
}

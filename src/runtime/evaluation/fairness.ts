import { LEAST_PEOPLE } from '../base/least-people.ts';
import {
  combineFigures,
  estimateOf,
  type Figure,
  indexGroups,
  shareOf,
  UNDEFINED,
} from '../statistics/figure.ts';
import { rightRows } from '../statistics/scored-rows.ts';
import type { Fairness } from './class-result.ts';
import type { Judged } from './judged-people.ts';

/** A way to part people: the site, or a column of participants.tsv. */
export interface Parting {
  readonly by: string;
  /** One a row; undefined where it is not known. */
  readonly levels: readonly (string | undefined)[];
}

/** Years from which on each band begins. */
const BANDS = [18, 40, 60, 80];

/** `40 to 59`, of an age in years; undefined where it is none. BIDS writes `89+` of the oldest. */
export function ageBand(age: string | undefined): string | undefined {
  const years = age === undefined || age.trim() === '' ? Number.NaN : Number(age.replace(/\+$/, ''));
  if (!Number.isFinite(years) || years < 0) return undefined;
  const at = BANDS.findLastIndex((from) => years >= from);
  const [from, next] = [BANDS[at], BANDS[at + 1]];
  if (from === undefined) return `under ${BANDS[0]}`;
  return next === undefined ? `${from} and over` : `${from} to ${next - 1}`;
}

/** The ways in which the judged people can be parted: by site, and by sex and age where the table has them. */
export function partingsOf(
  rows: readonly { readonly site: string; readonly row: { readonly values: ReadonlyMap<string, string> } }[],
): Parting[] {
  const column = (name: string) => rows.map(({ row }) => row.values.get(name));
  const all: Parting[] = [
    { by: 'site', levels: rows.map(({ site }) => site) },
    { by: 'sex', levels: column('sex') },
    { by: 'age', levels: column('age').map(ageBand) },
  ];
  return all.filter(({ levels }) => new Set(levels.filter((level) => level !== undefined)).size > 1);
}

/**
 * Accuracy by level, and how far the best lies above the worst. The interval of the gap holds whichever two levels are the best and the worst: it is one
 * of all pairs at once (Bonferroni). Levels of fewer than 10 groups (people) are counted and nothing else.
 */
export function describeFairness(judged: Judged, { by, levels }: Parting): Fairness {
  const groups = indexGroups(judged.groups);
  const right = rightRows(judged);
  const names = [...new Set(levels.flatMap((level) => level ?? []))].sort();
  const found = names.map((level) => {
    const among = levels.map((own) => (own === level ? 1 : 0));
    const people = new Set(judged.groups.filter((_, row) => levels[row] === level)).size;
    const isShown = people >= LEAST_PEOPLE;
    const figure = (z?: number) =>
      isShown ? shareOf(right, groups, { among, ...(z !== undefined && { z }) }) : null;
    const subjects = among.filter((own) => own === 1).length;
    return { level, subjects, isShown, figure };
  });
  return {
    by,
    least: LEAST_PEOPLE,
    levels: found.map(({ level, subjects, isShown, figure }) => ({
      level,
      subjects: isShown ? subjects : null,
      accuracy: estimateOf(figure()),
    })),
    unknown: levels.filter((level) => level === undefined).length,
    gap: gapOf(found.filter(({ isShown }) => isShown)),
  };
}

/** @param shown levels with figures, at a normal quantile */
export function gapOf(
  shown: readonly { readonly level: string; readonly figure: (z?: number) => Figure | null }[],
): Fairness['gap'] {
  if (shown.length < 2) return null;
  const z = quantileOfPairs((shown.length * (shown.length - 1)) / 2);
  const figures = shown
    .map(({ level, figure }) => ({ level, figure: figure(z) }))
    .sort((a, b) => (b.figure?.value ?? 0) - (a.figure?.value ?? 0));
  const [best, worst] = [figures[0], figures.at(-1)];
  if (!best || !worst) return null;
  const gap = combineFigures([
    [1, best.figure],
    [-1, worst.figure],
  ]);
  return { best: best.level, worst: worst.level, accuracy: gap ? estimateOf(gap) : UNDEFINED };
}

/** The two-sided normal quantile at which as many intervals hold together in 95 % (Abramowitz and Stegun, 1964, 26.2.23; error under 0.0005). */
export function quantileOfPairs(pairs: number): number {
  const t = Math.sqrt(-2 * Math.log(0.05 / pairs / 2));
  return (
    t -
    (2.515517 + 0.802853 * t + 0.010328 * t ** 2) / (1 + 1.432788 * t + 0.189269 * t ** 2 + 0.001308 * t ** 3)
  );
}

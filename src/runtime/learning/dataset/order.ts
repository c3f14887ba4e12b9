import { numberAt } from '../../base/at.ts';
import { createRandom, type Random } from '../../base/random.ts';

/**
 * How an epoch draws its pictures. shuffled: each of them once. class_balanced: as many pictures, and of each class that is there equally
 * many (Kang et al., "Decoupling Representation and Classifier for Long-Tailed Recognition", 2020, section 3): those of a rare class come
 * several times, each time changed anew, those of a common one not all.
 */
export const SAMPLINGS = ['shuffled', 'class_balanced'] as const;
export type Sampling = (typeof SAMPLINGS)[number];

/** One picture of an epoch. */
export interface Draw {
  /** Which one. */
  readonly index: number;
  /** How often it came before in this epoch. */
  readonly repeat: number;
}

/**
 * The pictures of one epoch, in the order in which they are shown; it has as many as there are.
 * @param labels class of each picture
 */
export function drawEpoch(
  labels: readonly number[],
  { seed, sampling }: { seed: number; sampling: Sampling },
): Draw[] {
  const random = createRandom('shuffle', seed);
  if (sampling === 'shuffled')
    return random.shuffle(labels.map((_, index) => index)).map((index) => ({ index, repeat: 0 }));
  const classes = [...Map.groupBy(labels.keys(), (index) => numberAt(labels, index))].sort(
    ([a], [b]) => a - b,
  );
  // Whose turn it is to have one more where the pictures cannot be parted evenly.
  const ranks = random.shuffle(classes.map((_, rank) => rank));
  const draws = classes.flatMap(([, indices], at) => {
    const more = numberAt(ranks, at) < labels.length % classes.length ? 1 : 0;
    return drawFrom(indices, Math.floor(labels.length / classes.length) + more, random);
  });
  return random.shuffle(draws);
}

/** What one pass over examples shows: of a seed an epoch, without one each of them in its order. */
export function drawsOf(
  labels: readonly number[],
  {
    seed,
    sampling = 'shuffled',
  }: { readonly seed: number | undefined; readonly sampling: Sampling | undefined },
): readonly Draw[] {
  if (seed === undefined) return labels.map((_, index) => ({ index, repeat: 0 }));
  return drawEpoch(labels, { seed, sampling });
}

/** So many of them: all before one comes again. */
function drawFrom(indices: readonly number[], count: number, random: Random): Draw[] {
  const passes = Math.ceil(count / indices.length);
  const draws = Array.from({ length: passes }, (_, repeat) =>
    random.shuffle([...indices]).map((index) => ({ index, repeat })),
  );
  return draws.flat().slice(0, count);
}

/** How many examples there are of each class. */
export function countLabels(labels: readonly number[], classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label] = numberAt(counts, label) + 1;
  return counts;
}

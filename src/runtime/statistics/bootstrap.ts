import { createRandom } from '../kernel/random.ts';

/** Figures of a sample; null where the sample does not define one. */
export type Figures = Readonly<Record<string, number | null>>;

/** A figure with its 95 % interval. */
export interface Estimate {
  readonly value: number | null;
  /** Percentiles 2.5 and 97.5 of the replicates; null where over a twentieth of them do not define the figure. */
  readonly low: number | null;
  readonly high: number | null;
}

export interface BootstrapOptions {
  /** Default 2000. */
  readonly replicates?: number;
  readonly seed?: number;
}

/**
 * Percentile bootstrap over whole groups (Efron and Tibshirani, "An introduction to the bootstrap", 1993; clusters as in Davison and
 * Hinkley, 1997, 3.8): images of one patient rise and fall together, so patients are drawn, not images. All figures of one
 * replicate come from one draw, so differences between them are paired.
 *
 * @param groups for each row the group it belongs to
 * @param figures of rows that count so often each; called with ones for the sample itself
 */
export function bootstrapGroups(
  groups: readonly string[],
  figures: (counts: Float64Array) => Figures,
  options: BootstrapOptions = {},
): Record<string, Estimate> {
  const { own, drawn } = drawReplicates(groups, figures, options);
  return Object.fromEntries(
    Object.entries(own).map(([name, value]) => {
      const sorted = value === null ? undefined : drawn.get(name);
      const low = sorted ? percentileOf(sorted, 0.025) : null;
      const high = sorted ? percentileOf(sorted, 0.975) : null;
      return [name, { value, low, high }];
    }),
  );
}

/** A figure's values over the replicates, sorted; left out where over a twentieth of them do not define it. */
export interface Replicates {
  readonly own: Figures;
  readonly drawn: ReadonlyMap<string, Float64Array>;
}

const LEAST_DEFINED = 0.95;

/** As `bootstrapGroups`, for other bounds than the 95 % interval. */
export function drawReplicates(
  groups: readonly string[],
  figures: (counts: Float64Array) => Figures,
  { replicates = 2000, seed = 0 }: BootstrapOptions = {},
): Replicates {
  const members = [...Map.groupBy(groups.keys(), (row) => groups[row] as string).values()];
  const values = new Map<string, number[]>();
  const random = createRandom('bootstrap', seed);
  for (let replicate = 0; replicate < replicates; replicate++) {
    const counts = new Float64Array(groups.length);
    for (let draw = 0; draw < members.length; draw++) {
      const rows = members[random.int(members.length)] as number[];
      for (const row of rows) counts[row] = (counts[row] as number) + 1;
    }
    for (const [name, value] of Object.entries(figures(counts))) {
      const known = values.get(name) ?? [];
      if (value !== null) known.push(value);
      values.set(name, known);
    }
  }
  const defined = [...values].filter(([, known]) => known.length >= LEAST_DEFINED * replicates);
  return {
    own: figures(new Float64Array(groups.length).fill(1)),
    drawn: new Map(defined.map(([name, known]) => [name, Float64Array.from(known).sort()])),
  };
}

/** Between the two nearest values, as numpy's default. */
export function percentileOf(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)] as number;
  const above = sorted[Math.ceil(at)] as number;
  return below + (at - Math.floor(at)) * (above - below);
}

/** Wilson's score interval at 95 % for a share (Wilson, "Probable inference", 1927); null without trials. */
export function wilsonInterval(right: number, trials: number): { low: number; high: number } | null {
  if (trials === 0) return null;
  const z = 1.959964;
  const share = right / trials;
  const scale = 1 + z ** 2 / trials;
  const centre = (share + z ** 2 / (2 * trials)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / trials + z ** 2 / (4 * trials ** 2));
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

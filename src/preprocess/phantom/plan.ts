import { createRandom } from '../../runtime/base/random.ts';
import { DIAGNOSES, type Diagnosis } from './lesion.ts';

/** What the whole data set follows from. */
export interface PhantomRecipe {
  /** Number of sites, each with its own scanner. */
  readonly sites: number;
  /** Subjects of each diagnosis at each site. */
  readonly perClass: number;
  /** Voxels across the head; front to back there are 19/16, from the skull base to the crown 13/16 as many. */
  readonly size: number;
  readonly seed: number;
}

export interface PlannedParticipant {
  /** `sub-001`: in shuffled order, so that neither place in the list nor name tells diagnosis or site. */
  readonly id: string;
  readonly diagnosis: Diagnosis;
  /** 1-based number of the site. */
  readonly site: number;
}

/** Every site sees every diagnosis equally often, so that no scanner says anything about the diagnosis. */
export function planParticipants(recipe: PhantomRecipe): PlannedParticipant[] {
  const sites = Array.from({ length: recipe.sites }, (_, at) => at + 1);
  const cells = sites.flatMap((site) =>
    DIAGNOSES.flatMap((diagnosis) => Array.from({ length: recipe.perClass }, () => ({ site, diagnosis }))),
  );
  const digits = Math.max(3, String(cells.length).length);
  return createRandom(recipe.seed, 'phantom', 'plan')
    .shuffle(cells)
    .map((cell, at) => ({ id: `sub-${String(at + 1).padStart(digits, '0')}`, ...cell }));
}

/** Voxels along right, anterior, superior. */
export function gridOf({ size }: PhantomRecipe): [number, number, number] {
  return [size, Math.round((size * 19) / 16), Math.round((size * 13) / 16)];
}

export function siteName(site: number): string {
  return `site-${site}`;
}

/** How many of a session's sites do what (Bonawitz et al. 2017, section 6.1, table 2). */

/** Sites that a sum is made of at least: of two each would know the other's numbers by subtraction. */
export const LEAST_SITES = 3;
/** Sites of a session at most: each has a mask with each other one. */
export const MOST_SITES = 32;

/** Sites whose answers open a sum, where nobody says: more than two thirds. */
export function usualThreshold(sites: number): number {
  return Math.floor((2 * sites) / 3) + 1;
}

/** The least with which a server cannot open two sums of one session by telling one half of the sites another story: more than a half. */
export function leastThreshold(sites: number): number {
  return Math.floor(sites / 2) + 1;
}

/** Sites that may say no more once their vectors are there. */
export function dropOuts(sites: number, threshold: number): number {
  return sites - threshold;
}

/** Sites that a server may have on its side and yet learns nothing but the sum of all others. */
export function colluding(sites: number, threshold: number): number {
  return Math.min(2 * threshold - sites - 1, sites - 2);
}

import { describe, expect, it } from 'vitest';
import { createRandom, type Random } from '../../../src/runtime/base/random.ts';
import {
  DISTANCE_BINS,
  DISTANCE_STEP,
  distanceTo,
  likenessJudge,
  parseProfile,
  profileOf,
  type SiteProfile,
} from '../../../src/runtime/run/image-profile.ts';

const FEATURES = 5;

/** Features around a middle of the site, of which two go together. */
const features = (middle: number, random: Random) => {
  const shared = random.normal();
  return Float64Array.from(
    { length: FEATURES },
    (_, at) => middle + (at < 2 ? shared : 0) + (1 + at) * random.normal(),
  );
};

function siteOf(
  middle: number,
  { pictures, heldOut }: { pictures: number; heldOut: number },
  random: Random,
): SiteProfile {
  const train = Array.from({ length: pictures }, () => features(middle, random));
  const total = (of: (one: Float64Array) => number) => train.reduce((sum, one) => sum + of(one), 0);
  const all = [...Array(FEATURES).keys()];
  const sums = all.map((at) => total((one) => one[at] ?? 0));
  const products = all.flatMap((row) =>
    all.slice(0, row + 1).map((column) => total((one) => (one[row] ?? 0) * (one[column] ?? 0))),
  );
  const distance = distanceTo({ pictures, sums, products });
  const bins = new Array<number>(DISTANCE_BINS).fill(0);
  for (let at = 0; at < heldOut; at++) {
    const bin = Math.min(DISTANCE_BINS - 1, Math.floor(distance(features(middle, random)) / DISTANCE_STEP));
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  return { version: 1, image_size: 64, separate: false, pictures, sums, products, held_out: bins };
}

describe('the distance from the pictures of a site', () => {
  it('is that of Mahalanobis, by its definition', () => {
    // Two features without covariance: 4 pictures with means 1 and 10, sums of squares around them 4 and 16.
    const distance = distanceTo({ pictures: 4, sums: [4, 40], products: [8, 40, 416] });
    expect(distance(Float64Array.of(1, 10))).toBeCloseTo(0, 6);
    expect(distance(Float64Array.of(3, 10))).toBeCloseTo(2 / Math.sqrt(4 / 3), 3);
    expect(distance(Float64Array.of(1, 6))).toBeCloseTo(4 / Math.sqrt(16 / 3), 3);
  });

  it('is large where two features that go together part', () => {
    const site = siteOf(0, { pictures: 2000, heldOut: 0 }, createRandom('pairs'));
    const distance = distanceTo(site);
    expect(distance(Float64Array.of(2, -2, 0, 0, 0))).toBeGreaterThan(
      distance(Float64Array.of(2, 2, 0, 0, 0)),
    );
  });
});

describe('images that are unlike those of training', () => {
  const random = createRandom('likeness');
  const sites = [
    siteOf(0, { pictures: 300, heldOut: 80 }, random),
    siteOf(30, { pictures: 300, heldOut: 80 }, random),
  ];
  const profile = profileOf(
    sites.map((site) => ({ metrics: { accuracy: 0.5, image_profile: { ...site, groups: site.pictures } } })),
  );
  if (!profile) throw new Error('no profile');
  const { threshold = 0, heldOut, distance } = likenessJudge(profile);

  it('are told, and of others no more than the stated share', () => {
    expect(heldOut).toBe(160);
    const far = Array.from(
      { length: 4000 },
      (_, at) => distance(features(at % 2 === 0 ? 0 : 30, random)) > threshold,
    );
    const share = far.filter(Boolean).length / far.length;
    // 5 % on average over held-out parts: of one part of 160 a standard deviation is 1.7 %.
    expect(share).toBeLessThan(0.05 + 3 * 0.017);
    expect(share).toBeGreaterThan(0.002);
    for (const middle of [15, -40, 70])
      expect(distance(features(middle, random)), String(middle)).toBeGreaterThan(threshold);
  });

  it('are not told where too few held-out images say how far is far', () => {
    const few = likenessJudge({ ...profile, sites: [siteOf(0, { pictures: 50, heldOut: 18 }, random)] });
    expect([few.threshold, few.heldOut]).toEqual([undefined, 18]);
    const enough = likenessJudge({ ...profile, sites: [siteOf(0, { pictures: 50, heldOut: 19 }, random)] });
    expect(enough.threshold).toBeGreaterThan(0);
  });

  it('are known from what sites tell alone, and what is malformed or of few is left out', () => {
    expect(profileOf([{ metrics: { accuracy: 1 } }, { metrics: { image_profile: null } }])).toBeUndefined();
    const [site] = sites;
    if (!site) throw new Error('no site');
    const told = (changed: object) => ({ metrics: { image_profile: { ...site, ...changed } as never } });
    expect(
      profileOf([told({ pictures: 9 }), told({ products: [1] }), told({ version: 2 }), told({ more: 1 })]),
    ).toBeUndefined();
    expect(profileOf([told({}), told({ image_size: 32 }), told({})])?.sites).toHaveLength(2);
    expect(parseProfile(JSON.parse(JSON.stringify(profile)))).toEqual(profile);
    expect(parseProfile({ ...profile, version: 2 })).toBeUndefined();
    expect(parseProfile(undefined)).toBeUndefined();
  });
});

describe('a site whose profile is made up', () => {
  const random = createRandom('made up');
  const honest = [1, 2, 3].map(() => siteOf(0, { pictures: 300, heldOut: 80 }, random));
  const told = (sites: readonly object[]) =>
    profileOf(sites.map((one) => ({ metrics: { image_profile: { ...one } as never } })));
  const [one] = honest;
  if (!one) throw new Error('no site');
  const blank = new Array<number>(FEATURES).fill(0);
  const triangle = (of: (row: number, column: number) => number) =>
    blank.flatMap((_, row) => Array.from({ length: row + 1 }, (_unused, column) => of(row, column)));

  it.each([
    ['products that no pictures have', { products: triangle((row, column) => (row === column ? 1 : 1e9)) }],
    ['squares that are negative', { products: triangle((row, column) => (row === column ? -1e12 : 0)) }],
    [
      'numbers that are too large together',
      { sums: blank.map(() => 1e308), products: triangle(() => 1e308) },
    ],
  ])('is left out, with %s', (_, lie) => {
    expect(told([{ ...one, ...lie }, ...honest])?.sites).toEqual(honest);
    const stored = { version: 1, kind: 'neuroflare-image-profile', sites: [{ ...one, ...lie }, ...honest] };
    expect(parseProfile(stored)?.sites).toEqual(honest);
  });

  it.each([
    ['other pictures', { image_size: 8 }],
    ['another number of features', { sums: [1], products: [1] }],
  ])('does not take the place of the others by %s, first as it may be', (_, lie) => {
    expect(told([{ ...one, ...lie }, ...honest])?.sites).toEqual(honest);
  });
});

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { areConnected, type Combat, fitCombat } from '../../src/runtime/algorithms/harmonisation/combat.ts';
import { createRandom } from '../../src/runtime/base/random.ts';

/** One picture: where it is from, what it shows, and its features. */
interface Row {
  readonly site: number;
  readonly label: number;
  readonly values: readonly number[];
}

const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
const mean = (values: readonly number[]) => total(values) / values.length;
const variance = (values: readonly number[]) =>
  total(values.map((value) => (value - mean(values)) ** 2)) / (values.length - 1);

/** What the sites of these rows would send. */
function sumsOf(rows: readonly Row[], sites: number, classes: number) {
  const features = rows[0]?.values.length ?? 0;
  return Array.from({ length: sites }, (_, site) => {
    const own = rows.filter((row) => row.site === site);
    const of = (label: number) => own.filter((row) => row.label === label);
    const each = (make: (feature: number) => number) => Array.from({ length: features }, (_, at) => make(at));
    return {
      site: `site-${site + 1}`,
      pictures: Array.from({ length: classes }, (_, label) => of(label).length),
      sums: Array.from({ length: classes }, (_, label) =>
        each((at) => total(of(label).map(({ values }) => values[at] ?? 0))),
      ),
      squares: each((at) => total(own.map(({ values }) => (values[at] ?? 0) ** 2))),
    };
  });
}

/** A x = b by elimination with the largest pivot. */
function solved(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, at) => [...row, right[at] ?? 0]);
  const size = rows.length;
  const cell = (row: number, column: number) => rows[row]?.[column] ?? 0;
  for (let at = 0; at < size; at++) {
    const best =
      [...rows.keys()].slice(at).sort((a, b) => Math.abs(cell(b, at)) - Math.abs(cell(a, at)))[0] ?? at;
    [rows[at], rows[best]] = [rows[best] ?? [], rows[at] ?? []];
    for (let row = 0; row < size; row++) {
      if (row === at) continue;
      const factor = cell(row, at) / cell(at, at);
      rows[row] = (rows[row] ?? []).map((value, column) => value - factor * cell(at, column));
    }
  }
  return rows.map((row, at) => (row[size] ?? 0) / (row[at] ?? 1));
}

/** Johnson et al. 2007 on all rows at once: a design matrix, residuals of every picture, and priors over the features. */
function pooled(rows: readonly Row[], sites: number, classes: number): Combat {
  const features = rows[0]?.values.length ?? 0;
  const present = Array.from({ length: classes }, (_, label) => label).filter((label) =>
    rows.some((row) => row.label === label),
  );
  const others = present.slice(1);
  const design = rows.map(({ site, label }) => [
    ...Array.from({ length: sites }, (_, at) => (at === site ? 1 : 0)),
    ...others.map((other) => (other === label ? 1 : 0)),
  ]);
  const width = sites + others.length;
  const normal = Array.from({ length: width }, (_, row) =>
    Array.from({ length: width }, (_, column) =>
      total(design.map((own) => (own[row] ?? 0) * (own[column] ?? 0))),
    ),
  );
  const fits = Array.from({ length: features }, (_, feature) => {
    const y = rows.map(({ values }) => values[feature] ?? 0);
    const b = solved(
      normal,
      Array.from({ length: width }, (_, at) =>
        total(design.map((own, row) => (own[at] ?? 0) * (y[row] ?? 0))),
      ),
    );
    const predicted = design.map((own) => total(own.map((value, at) => value * (b[at] ?? 0))));
    const deviation = Math.sqrt(mean(y.map((value, row) => (value - (predicted[row] ?? 0)) ** 2)));
    const level = mean(rows.map(({ site }) => b[site] ?? 0));
    const effect = (label: number) => (others.includes(label) ? (b[sites + others.indexOf(label)] ?? 0) : 0);
    const z = rows.map(({ label }, row) => ((y[row] ?? 0) - level - effect(label)) / deviation);
    return { mean: mean(y), deviation, z };
  });
  return {
    means: fits.map((fit) => fit.mean),
    deviations: fits.map((fit) => fit.deviation),
    sites: Array.from({ length: sites }, (_, site) => {
      const own = fits.map(({ z }) => z.filter((_, row) => rows[row]?.site === site));
      const [locations, variances] = [own.map(mean), own.map(variance)];
      const [bar, spread, m, s2] = [
        mean(locations),
        variance(locations),
        mean(variances),
        variance(variances),
      ];
      const [a, b] = [(2 * s2 + m * m) / s2, (m * s2 + m ** 3) / s2];
      const effects = own.map((z, at) => {
        let [gamma, delta] = [locations[at] ?? 0, variances[at] ?? 0];
        for (let step = 0; step < 500; step++) {
          gamma = (spread * z.length * (locations[at] ?? 0) + delta * bar) / (spread * z.length + delta);
          delta = (total(z.map((value) => (value - gamma) ** 2)) / 2 + b) / (z.length / 2 + a - 1);
        }
        return { gamma, delta };
      });
      return {
        site: `site-${site + 1}`,
        location: effects.map(({ gamma }) => gamma),
        variance: effects.map(({ delta }) => delta),
      };
    }),
  };
}

function expectClose(actual: readonly number[], expected: readonly number[], relative: number): void {
  expect(actual).toHaveLength(expected.length);
  for (const [at, value] of actual.entries())
    expect(Math.abs(value - (expected[at] ?? 0))).toBeLessThan(relative * (1 + Math.abs(expected[at] ?? 0)));
}

/** Pictures with features in whole numbers; every site has some of the first class, and may lack others. */
const cohort = fc.record({
  sites: fc.integer({ min: 2, max: 5 }),
  classes: fc.integer({ min: 1, max: 4 }),
  features: fc.integer({ min: 3, max: 8 }),
  seed: fc.integer({ min: 0, max: 1e6 }),
});

function drawn({
  sites,
  classes,
  features,
  seed,
}: typeof cohort extends fc.Arbitrary<infer T> ? T : never): Row[] {
  const random = createRandom('combat', seed);
  const level = Array.from({ length: features }, () => 10_000 + 40_000 * random.next());
  return Array.from({ length: sites }, (_, site) => {
    const shift = level.map(() => 2000 * random.normal());
    const spread = level.map(() => 500 + 2000 * random.next());
    return Array.from({ length: classes }, (_, label) => {
      const count = label === 0 ? 4 + Math.floor(8 * random.next()) : Math.floor(9 * random.next());
      return Array.from({ length: count }, () => ({
        site,
        label,
        values: level.map((value, at) =>
          Math.round(
            value + (shift[at] ?? 0) + 900 * label * Math.sin(at) + (spread[at] ?? 0) * random.normal(),
          ),
        ),
      }));
    }).flat();
  }).flat();
}

describe('ComBat from sums', () => {
  it('comes to what ComBat comes to on all pictures at once', () => {
    fc.assert(
      fc.property(cohort, (wish) => {
        const rows = drawn(wish);
        const found = fitCombat(sumsOf(rows, wish.sites, wish.classes));
        const expected = pooled(rows, wish.sites, wish.classes);
        expectClose(found.means, expected.means, 1e-9);
        expectClose(found.deviations, expected.deviations, 1e-7);
        for (const [at, { location, variance: own }] of found.sites.entries()) {
          expectClose(location, expected.sites[at]?.location ?? [], 1e-6);
          expectClose(own, expected.sites[at]?.variance ?? [], 1e-6);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('comes to what neuroCombat comes to, which sees all pictures', () => {
    const numbers = z.array(z.number());
    const known = z
      .object({
        sites: z.array(z.string()),
        classes: numbers,
        values: z.array(numbers),
        deviations: numbers,
        location: z.array(numbers),
        variance: z.array(numbers),
      })
      .parse(JSON.parse(readFileSync(new URL('../parity/combat.json', import.meta.url), 'utf8')));
    const rows = known.values.map((values, row) => ({
      site: Number(known.sites[row]?.at(-1)) - 1,
      label: known.classes[row] ?? 0,
      values,
    }));
    const found = fitCombat(sumsOf(rows, 3, 3));
    expectClose(found.deviations, known.deviations, 1e-9);
    for (const [at, { location, variance: own }] of found.sites.entries()) {
      // It stops when a step changes less than a ten thousandth.
      expectClose(location, known.location[at] ?? [], 1e-3);
      expectClose(own, known.variance[at] ?? [], 1e-3);
    }
  });

  it('gives features that are constant no effect, and lets the others be', () => {
    const rows = drawn({ sites: 3, classes: 2, features: 4, seed: 5 });
    const plain = fitCombat(sumsOf(rows, 3, 2));
    const padded = rows.map((row) => ({ ...row, values: [0, ...row.values, 255 * 256] }));
    const found = fitCombat(sumsOf(padded, 3, 2));
    expect(found.deviations).toEqual([0, ...plain.deviations, 0]);
    expect(found.sites[1]?.location).toEqual([0, ...(plain.sites[1]?.location ?? []), 0]);
    expect(found.sites[1]?.variance).toEqual([1, ...(plain.sites[1]?.variance ?? []), 1]);
  });

  it('knows where sites and classes cannot be told apart', () => {
    expect(
      areConnected([
        [3, 0],
        [0, 4],
      ]),
    ).toBe(false);
    expect(
      areConnected([
        [3, 0, 0],
        [0, 4, 1],
        [2, 2, 0],
      ]),
    ).toBe(true);
    expect(
      areConnected([
        [3, 0, 0, 0],
        [2, 2, 0, 0],
        [0, 0, 1, 1],
      ]),
    ).toBe(false);
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { noiseFor } from '../../../src/runtime/privacy/calibrate.ts';
import { isWithin, timesWithin } from '../../../src/runtime/privacy/filter.ts';
import { gaussianDelta, gaussianEpsilon } from '../../../src/runtime/privacy/gaussian.ts';
import { pldEpsilon } from '../../../src/runtime/privacy/pld.ts';
import {
  composedRdp,
  epsilonOfRdp,
  ORDERS,
  rdpCurve,
  renyiDivergence,
} from '../../../src/runtime/privacy/rdp.ts';

/** What dp-accounting 0.6.0 says, and quadrature at 30 digits where it only bounds: see its fields `how` and `tolerances`. */
interface Oracle {
  readonly epsilon: readonly {
    readonly label: string;
    readonly q: number;
    readonly sigma: number;
    readonly steps: number;
    readonly delta: number;
    readonly rdp_epsilon: number;
    readonly rdp_epsilon_integer_orders: number;
    readonly rdp_epsilon_exact: number;
    readonly exact_epsilon?: number | null;
    readonly pld_epsilon_1e3: number;
    readonly pld_epsilon_1e4: number;
  }[];
  readonly rdp_orders: readonly {
    readonly q: number;
    readonly sigma: number;
    readonly orders: readonly number[];
    readonly rdp: readonly (number | null)[];
    readonly exact: readonly number[];
  }[];
  readonly calibration: readonly {
    readonly q: number;
    readonly steps: number;
    readonly epsilon: number;
    readonly delta: number;
    readonly sigma_rdp: number;
    readonly sigma_pld_1e3: number;
  }[];
}

const oracle: Oracle = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../parity/dp-oracle.json'), 'utf8'),
);
const relative = (found: number, wanted: number) => Math.abs(found - wanted) / Math.abs(wanted);

describe('Renyi divergences', () => {
  it('are those of the closed form at whole orders, and of 30 digits at all orders', () => {
    let [whole, all] = [0, 0];
    for (const { q: rate, sigma, orders, rdp, exact } of oracle.rdp_orders)
      for (const [at, order] of orders.entries()) {
        const found = renyiDivergence({ rate, sigma }, order);
        const closed = rdp[at];
        if (Number.isInteger(order) && typeof closed === 'number')
          whole = Math.max(whole, relative(found, closed));
        const wanted = exact[at] ?? Number.NaN;
        if (Math.abs(found - wanted) > 1e-13) all = Math.max(all, relative(found, wanted));
      }
    expect(whole).toBeLessThan(1e-9);
    expect(all).toBeLessThan(1e-8);
  });

  it('keep their digits where they are tiny', () => {
    // 2 q^2 (exp(1 / s^2) - 1) / 2 at order 2, to the first order of its logarithm.
    const [rate, sigma] = [1e-6, 2];
    const closed = Math.log1p(rate * rate * Math.expm1(1 / (sigma * sigma)));
    expect(relative(renyiDivergence({ rate, sigma }, 2), closed)).toBeLessThan(1e-9);
  });

  it('give the epsilon of the exact divergences, never above that of dp-accounting', () => {
    const wholeOrders = [...Array.from({ length: 63 }, (_, at) => at + 2), 128, 256, 512, 1024];
    for (const row of oracle.epsilon) {
      const { q: rate, sigma, steps, delta } = row;
      const curve = rdpCurve({ rate, sigma, steps });
      const { epsilon } = epsilonOfRdp(curve, delta);
      expect(Math.abs(epsilon - row.rdp_epsilon_exact), row.label).toBeLessThan(1e-6);
      expect(epsilon, row.label).toBeLessThanOrEqual(row.rdp_epsilon + 1e-9);
      const whole = wholeOrders.map((order) => steps * renyiDivergence({ rate, sigma }, order));
      const { epsilon: atWhole } = epsilonOfRdp(whole, delta, wholeOrders);
      expect(Math.abs(atWhole - row.rdp_epsilon_integer_orders), row.label).toBeLessThan(1e-6);
    }
  });

  it('refuse numbers that mean nothing', () => {
    const bad = [Number.NaN, 0, -1, Number.POSITIVE_INFINITY];
    for (const sigma of bad) expect(() => renyiDivergence({ rate: 0.1, sigma }, 2)).toThrow(RangeError);
    for (const rate of [...bad, 1.01])
      expect(() => pldEpsilon({ rate, sigma: 1, steps: 1 }, 1e-5)).toThrow(RangeError);
    for (const steps of [...bad, 1.5])
      expect(() => rdpCurve({ rate: 0.1, sigma: 1, steps })).toThrow(RangeError);
    for (const delta of [...bad, 1])
      expect(() => epsilonOfRdp(rdpCurve({ rate: 1, sigma: 1, steps: 1 }), delta)).toThrow(RangeError);
    expect(() => renyiDivergence({ rate: 0.1, sigma: 1 }, 1)).toThrow(RangeError);
  });

  it('come to no epsilon where delta alone covers them', () => {
    expect(
      epsilonOfRdp(
        ORDERS.map(() => 0),
        1e-5,
      ).epsilon,
    ).toBe(0);
    expect(epsilonOfRdp(rdpCurve({ rate: 1e-4, sigma: 100, steps: 1 }), 1e-3).epsilon).toBe(0);
  });
});

describe('privacy loss distributions', () => {
  it('are those of dp-accounting at the same grid, and never below the truth', () => {
    for (const row of oracle.epsilon) {
      const { q: rate, sigma, steps, delta } = row;
      const found = pldEpsilon({ rate, sigma, steps }, delta);
      const wanted = row.pld_epsilon_1e3;
      expect(Math.abs(found - wanted), row.label).toBeLessThan(Math.max(1e-4, 1e-4 * wanted));
      expect(found, row.label).toBeGreaterThan(row.pld_epsilon_1e4 * (1 - 1e-6) - 1e-9);
      if (typeof row.exact_epsilon === 'number')
        expect(found, row.label).toBeGreaterThanOrEqual(row.exact_epsilon - 1e-9);
    }
  });

  it('agree at a finer grid', () => {
    for (const { q: rate, sigma, steps, delta, pld_epsilon_1e4: wanted } of oracle.epsilon.slice(4, 5))
      expect(Math.abs(pldEpsilon({ rate, sigma, steps }, delta, 1e-4) - wanted)).toBeLessThan(1e-4);
  });
});

describe('the Gaussian mechanism', () => {
  it('has the epsilon of Balle and Wang, which nothing else goes below', () => {
    for (const row of oracle.epsilon) {
      if (typeof row.exact_epsilon !== 'number' || row.q !== 1) continue;
      const exact = gaussianEpsilon(row.sigma / Math.sqrt(row.steps), row.delta);
      expect(Math.abs(exact - row.exact_epsilon), row.label).toBeLessThan(1e-8);
      expect(gaussianDelta(exact, row.sigma / Math.sqrt(row.steps))).toBeLessThanOrEqual(row.delta);
    }
  });
});

describe('noise for an epsilon', () => {
  it('is that of dp-accounting, and never misses what was asked for', () => {
    for (const { q: rate, steps, epsilon, delta, sigma_rdp } of oracle.calibration) {
      const wish = { rate, steps, epsilon, delta };
      const byRdp = noiseFor(wish, 'rdp') ?? Number.NaN;
      // dp-accounting bounds the divergences of broken orders from above: its noise is up to 2 % more than it takes.
      expect(byRdp).toBeLessThan(sigma_rdp * (1 + 1e-3));
      expect(byRdp).toBeGreaterThan(sigma_rdp * 0.98);
      expect(epsilonOfRdp(rdpCurve({ rate, steps, sigma: byRdp }), delta).epsilon).toBeLessThanOrEqual(
        epsilon,
      );
    }
    // Each of these takes half a second.
    for (const { q: rate, steps, epsilon, delta, sigma_pld_1e3 } of oracle.calibration.slice(0, 5)) {
      const sigma = noiseFor({ rate, steps, epsilon, delta }, 'pld') ?? Number.NaN;
      expect(relative(sigma, sigma_pld_1e3)).toBeLessThan(2e-3);
      expect(pldEpsilon({ rate, steps, sigma }, delta)).toBeLessThanOrEqual(epsilon);
    }
  });

  it('is undefined where none is enough', () => {
    expect(noiseFor({ rate: 1, steps: 1_000_000_000, epsilon: 1e-9, delta: 1e-12 }, 'rdp')).toBeUndefined();
  });
});

describe('a budget', () => {
  const curve = rdpCurve({ rate: 32 / 300, sigma: 1.2, steps: 225 });
  const { epsilon } = epsilonOfRdp(curve, 1e-4);

  it('holds what its epsilon says, and no more', () => {
    expect(isWithin({ epsilon: epsilon + 1e-9, delta: 1e-4 }, curve)).toBe(true);
    expect(isWithin({ epsilon: epsilon - 1e-6, delta: 1e-4 }, curve)).toBe(false);
  });

  it('counts how often the same fits', () => {
    const two = composedRdp([curve, curve]);
    const budget = { epsilon: epsilonOfRdp(two, 1e-4).epsilon + 1e-9, delta: 1e-4 };
    expect(timesWithin(budget, curve)).toBe(2);
    expect(timesWithin({ epsilon: epsilon - 1e-6, delta: 1e-4 }, curve)).toBe(0);
    // Far less than twice the epsilon of one: sums of epsilons say more than is known.
    expect(budget.epsilon).toBeLessThan(1.6 * epsilon);
  });
});

import { f64At, i32At } from '../base/at.ts';
import { type Estimate, fewGroups, type Groups, TWO_SIDED, UNDEFINED } from './figure.ts';

/**
 * Sums over groups, of which each has a sum s of values over m rows: all that a mean and its interval are made of. Sums of sites that have
 * no group in common add up.
 */
export interface MomentSums {
  readonly groups: number;
  readonly s: number;
  readonly m: number;
  readonly ss: number;
  readonly sm: number;
  readonly mm: number;
  readonly sss: number;
  readonly ssm: number;
  readonly smm: number;
  readonly mmm: number;
}

export const MOMENTS = ['groups', 's', 'm', 'ss', 'sm', 'mm', 'sss', 'ssm', 'smm', 'mmm'] as const;

export function momentSums(values: ArrayLike<number>, groups: Groups): MomentSums {
  const [sums, sizes] = [new Float64Array(groups.count), new Float64Array(groups.count)];
  for (let row = 0; row < values.length; row++) {
    const group = i32At(groups.of, row);
    sums[group] = f64At(sums, group) + (values[row] as number);
    sizes[group] = f64At(sizes, group) + 1;
  }
  const over = (power: number, size: number) =>
    sums.reduce((all, own, group) => all + own ** power * f64At(sizes, group) ** size, 0);
  return {
    groups: groups.count,
    s: over(1, 0),
    m: over(0, 1),
    ss: over(2, 0),
    sm: over(1, 1),
    mm: over(0, 2),
    sss: over(3, 0),
    ssm: over(2, 1),
    smm: over(1, 2),
    mmm: over(0, 3),
  };
}

export function addMoments(sites: readonly MomentSums[]): MomentSums {
  const sums = MOMENTS.map((name) => [name, sites.reduce((sum, one) => sum + one[name], 0)] as const);
  return Object.fromEntries(sums) as Record<(typeof MOMENTS)[number], number>;
}

/**
 * The mean of values that may be skewed, with a 95 % interval over groups from sums alone: Student's, with its skewness taken out by the cubic
 * transformation of Hall ("On the removal of skewness by transformation", 1992), which is to the second order what the studentized
 * bootstrap of `meanEstimate` finds by drawing groups. The bounds are null where values do not vary.
 * @param least no mean is under it
 */
export function meanOfMoments(sums: MomentSums, { least = 0 }: { readonly least?: number } = {}): Estimate {
  const { groups, s, m, ss, sm, mm, sss, ssm, smm, mmm } = sums;
  if (m === 0) return UNDEFINED;
  const value = s / m;
  const squares = ss - 2 * value * sm + value ** 2 * mm;
  // Sums are rounded before they leave a site.
  if (groups < 2 || !(squares > 1e-9 * ss)) return { value, low: null, high: null };
  const error = Math.sqrt((squares * groups) / (groups - 1)) / m;
  const cubes = sss - 3 * value * ssm + 3 * value ** 2 * smm - value ** 3 * mmm;
  const skewness = cubes / groups / (squares / groups) ** 1.5;
  const student = TWO_SIDED * Math.sqrt(fewGroups(groups, TWO_SIDED));
  return {
    value,
    low: Math.min(value, Math.max(least, value - error * unskewed(student, skewness, groups))),
    high: Math.max(value, value - error * unskewed(-student, skewness, groups)),
  };
}

/** The quantile of a studentized mean whose transform has the quantile x. */
function unskewed(x: number, skewness: number, groups: number): number {
  const bend = skewness / Math.sqrt(groups);
  if (Math.abs(bend) < 1e-6) return x;
  return (3 / bend) * (Math.cbrt(1 + bend * (x - bend / 6)) - 1);
}

import type { Protocol } from './tissue.ts';

/** The simulated scanner of one site. */
export interface Scanner extends Protocol {
  /** 1-based; names the site. */
  readonly number: number;
  /** Brightness of white matter in stored units. */
  readonly gain: number;
  /** Exponent of the reconstruction's grey curve. */
  readonly gamma: number;
  /** Peak-to-peak non-uniformity of the receive field, as a share. */
  readonly bias: number;
  /** Standard deviation of the noise in each channel, as a share of white matter. */
  readonly noise: number;
  /** Voxel edges along right, anterior, superior, as a multiple of the nominal edge. */
  readonly edges: readonly [number, number, number];
  /** Axis codes of the stored image. */
  readonly orientation: string;
  /** Microseconds a sample; the noise follows from it. */
  readonly dwellTime: number;
}

const ORIENTATIONS = ['LAS', 'RAS', 'PSR', 'LPS', 'RSA', 'ASL'] as const;

/**
 * Scanner of site `number` (1, 2, ...): any number of sites, the same for every seed. Parameters follow the additive
 * sequence on powers of the generalised golden ratio, which spreads a few points evenly over many ranges at once
 * (Roberts, "The unreasonable effectiveness of quasirandom sequences", 2018).
 */
export function scannerOf(number: number): Scanner {
  const field = number % 2 === 1 ? 3 : 1.5;
  const spread = (dimension: number) => (0.5 + number * GOLDEN ** -dimension) % 1;
  const between = (dimension: number, low: number, high: number) => low + (high - low) * spread(dimension);
  const dwellTime = round(between(4, 6, 20), 1);
  const inPlane = between(5, 0.95, 1.03);
  return {
    number,
    field,
    repetitionTime: Math.round(between(6, 2100, 2400)),
    inversionTime: Math.round(between(7, 0.95, 1.05) * (field === 3 ? 1080 : 880)),
    echoTime: round(between(8, 2.2, 3.8), 2),
    flipAngle: Math.round(between(9, 8, 12)),
    gain: Math.round(260 * 6 ** spread(1)),
    gamma: round(between(2, 0.92, 1.08), 3),
    bias: round(between(3, 0.2, 0.4), 3),
    noise: round(NOISE_AT_10_US * Math.sqrt(10 / dwellTime), 4),
    edges: [inPlane, inPlane, round(inPlane * between(10, 1, 1.1), 3)],
    orientation: ORIENTATIONS[(number - 1) % ORIENTATIONS.length] ?? 'RAS',
    dwellTime,
  };
}

/** Noise falls with the square root of the time spent on a sample (Macovski, "Noise in MRI", 1996). */
const NOISE_AT_10_US = 0.038;

/** The real root of x^12 = x + 1, for up to 11 dimensions. */
const GOLDEN = 1.062169167864255;

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

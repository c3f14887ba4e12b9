/** Whole numbers up to here are exact in float32, and so are their sums whatever the order. */
const EXACT = 2 ** 24;
/** What rounding to the grid may add to the most that one unit adds, as a share of it. */
const ROUNDING = 0.01;
/** What float32 may err in the norm by which a gradient is clipped, as a share of it. */
const NORM_ERROR = 1e-4;

/**
 * Clipped gradients are whole numbers: multiples of clip / `perClip`. Noise that is rounded and added to them is noise that was added and rounded,
 * so that the mechanism is the normal one to the last bit (no attack on floating point has a hold: Mironov 2012), and what sites add up is exact.
 */
export interface Grid {
  /** Steps of the grid in the clipping norm, a power of 2. */
  readonly perClip: number;
  /** Most that one unit adds to a sum, in steps of the grid and the L2 norm: the clip, what its norm may err, and what rounding adds. */
  readonly sensitivity: number;
  /** Units whose sum is exact in float32. */
  readonly mostUnits: number;
}

/** The grid for a gradient of so many numbers. */
export function gridFor(parameters: number): Grid {
  const rounding = Math.sqrt(parameters) / 2;
  const perClip = 2 ** Math.ceil(Math.log2(rounding / ROUNDING));
  return { perClip, sensitivity: perClip * (1 + NORM_ERROR) + rounding, mostUnits: EXACT / perClip };
}

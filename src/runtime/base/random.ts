import { createHash } from 'node:crypto';

/**
 * Seeded pseudo-random numbers: xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", 2018), the same on every platform. Not for secrets.
 */
export interface Random {
  /** Uniform in [0, 1), 32 bits of resolution. */
  next(): number;
  /** Uniform integer in [0, bound). */
  int(bound: number): number;
  /** Standard normal. */
  normal(): number;
  /** Gamma(shape, 1); shape > 0. */
  gamma(shape: number): number;
  /** Fisher-Yates, in place; returns its argument. */
  shuffle<T>(items: T[]): T[];
}

/** A 32-bit seed from any parts, e.g. `deriveSeed(job.seed, 'site-1', 3)`; parts are hashed, so near seeds do not correlate. */
export function deriveSeed(...parts: readonly (string | number)[]): number {
  return createHash('sha256').update(JSON.stringify(parts)).digest().readUInt32LE(0);
}

/** A generator whose whole sequence follows from `parts`. */
export function createRandom(...parts: readonly (string | number)[]): Random {
  const next = xoshiro128(createHash('sha256').update(JSON.stringify(parts)).digest());
  return {
    next,
    int: (bound) => Math.floor(next() * bound),
    normal: () => normal(next),
    gamma: (shape) => gamma(next, shape),
    shuffle: (items) => shuffle(next, items),
  };
}

function xoshiro128(state: Buffer): () => number {
  let [a, b, c, d] = [
    state.readInt32LE(0),
    state.readInt32LE(4),
    state.readInt32LE(8),
    state.readInt32LE(12) | 1,
  ];
  return () => {
    const scrambled = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return (scrambled >>> 0) / 4294967296;
  };
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** Box and Muller (1958), one of the pair. */
function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

/** Marsaglia and Tsang, "A simple method for generating gamma variables" (2000). */
function gamma(next: () => number, shape: number): number {
  if (shape < 1) return gamma(next, shape + 1) * (1 - next()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(next);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

function shuffle<T>(next: () => number, items: T[]): T[] {
  for (let last = items.length - 1; last > 0; last--) {
    const pick = Math.floor(next() * (last + 1));
    const kept = items[last] as T;
    items[last] = items[pick] as T;
    items[pick] = kept;
  }
  return items;
}

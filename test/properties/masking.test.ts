import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { publicOf } from '../../src/runtime/masking/agreement.ts';
import { applyMasks, type Mask, maskWords, opposite } from '../../src/runtime/masking/mask-stream.ts';
import {
  addWords,
  fromRing,
  GRID,
  largestCount,
  RANGE,
  sharesOf,
  toRing,
} from '../../src/runtime/masking/ring.ts';
import { seal, unseal } from '../../src/runtime/masking/seal.ts';
import {
  type Member,
  ownMask,
  pairMask,
  seedDigest,
  transcriptOf,
} from '../../src/runtime/masking/session-keys.ts';
import { rebuildSecret, type Share, shareSecret } from '../../src/runtime/masking/shamir.ts';
import {
  colluding,
  dropOuts,
  LEAST_SITES,
  leastThreshold,
  MOST_SITES,
  usualThreshold,
} from '../../src/runtime/masking/thresholds.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const extreme = fc.constantFrom(-RANGE, RANGE, 0, -0, GRID / 2, -GRID / 2, Number.MIN_VALUE, 1 - 2 ** -53);
const number = fc.oneof(extreme, fc.double({ min: -RANGE, max: RANGE, noNaN: true }));
const weight = fc.oneof(
  fc.integer({ min: 1, max: 1e6 }),
  fc.constantFrom(1, 1e-300, 1e300, Number.MAX_VALUE),
);

/** A session of sites with numbers, of which some go at each of the phases, as many as it takes. */
const session = fc
  .record({ sites: fc.integer({ min: 3, max: 20 }), size: fc.integer({ min: 1, max: 40 }) })
  .chain(({ sites, size }) => {
    const threshold = usualThreshold(sites);
    return fc.record({
      sites: fc.constant(sites),
      threshold: fc.constant(threshold),
      weights: fc.array(weight, { minLength: sites, maxLength: sites }),
      numbers: fc.array(fc.array(number, { minLength: size, maxLength: size }), {
        minLength: sites,
        maxLength: sites,
      }),
      order: fc.shuffledSubarray(
        Array.from({ length: sites }, (_, at) => at),
        { minLength: sites },
      ),
      before: fc.integer({ min: 0, max: sites - threshold }),
      after: fc.integer({ min: 0, max: sites - threshold }),
    });
  });
type Session = typeof session extends fc.Arbitrary<infer Value> ? Value : never;

/** The whole of it, in the words of the protocol: sum of those whose vectors came, by the answers of those that were left. */
function sumOf({ sites, threshold, weights, numbers, order, before, after }: Session) {
  const names = Array.from({ length: sites }, (_, at) => `site-${at + 1}`);
  const keys = names.map(() => ({ seal: randomBytes(32), mask: randomBytes(32), seed: randomBytes(32) }));
  const members: Member[] = keys.map((key, at) => ({
    site: names[at] ?? '',
    weight: weights[at] ?? 0,
    seal: hex(publicOf(key.seal)),
    mask: hex(publicOf(key.mask)),
    seed: seedDigest(key.seed, 's'),
  }));
  const transcript = transcriptOf({}, members);
  const shares = sharesOf(weights);
  const holders = { holders: sites, threshold };
  const held = keys.map(({ mask, seed }) => ({
    mask: shareSecret(mask, holders, randomBytes),
    seed: shareSecret(seed, holders, randomBytes),
  }));
  const pairs = (at: number, secret: Uint8Array, others: readonly number[]): Mask[] =>
    others.flatMap((other) => {
      const peer = new Uint8Array(Buffer.from(members[other]?.mask ?? '', 'hex'));
      const of = { own: names[at] ?? '', other: names[other] ?? '' };
      return at === other ? [] : (pairMask({ secret, peer, transcript }, of) ?? []);
    });
  const all = names.map((_, at) => at);
  const gone = order.slice(0, before);
  const there = order.slice(before);
  const answering = there.slice(Math.min(after, there.length - threshold)).slice(0, threshold);
  const plain = all.map((at) => {
    const words = new Int32Array(numbers[0]?.length ?? 0);
    expect(toRing(numbers[at] ?? [], shares[at] ?? 0, words)).toBe(-1);
    return words;
  });
  const sum = new Int32Array(numbers[0]?.length ?? 0);
  for (const at of there) {
    const words = Int32Array.from(plain[at] ?? []);
    const { seed = new Uint8Array(), mask = new Uint8Array() } = keys[at] ?? {};
    applyMasks(words, 0, [ownMask(seed, names[at] ?? '', transcript), ...pairs(at, mask, all)]);
    addWords(sum, words);
  }
  const rebuilt = (kind: 'mask' | 'seed', at: number): Uint8Array =>
    rebuildSecret(answering.flatMap((holder): Share[] => held[at]?.[kind].slice(holder, holder + 1) ?? []));
  applyMasks(sum, 0, opposite(there.map((at) => ownMask(rebuilt('seed', at), names[at] ?? '', transcript))));
  for (const at of gone) applyMasks(sum, 0, pairs(at, rebuilt('mask', at), there));
  return { sum, plain, there, shares };
}

describe('a masked sum', () => {
  it('is the sum of the numbers on the grid, exactly, whoever goes and whatever they are', () => {
    fc.assert(
      fc.property(session, (drawn) => {
        const { sum, plain, there, shares } = sumOf(drawn);
        for (const [index, word] of sum.entries()) {
          // Not modulo 2^32: nothing has left the ring.
          expect(word).toBe(there.reduce((total, at) => total + (plain[at]?.[index] ?? 0), 0));
        }
        const share = there.reduce((total, at) => total + (shares[at] ?? 0), 0);
        if (share < 1e-3) return;
        const mean = new Float64Array(sum.length);
        fromRing(sum, share, mean);
        for (const [index, value] of mean.entries()) {
          const exact =
            there.reduce((total, at) => total + (shares[at] ?? 0) * (drawn.numbers[at]?.[index] ?? 0), 0) /
            share;
          expect(Math.abs(value - exact)).toBeLessThanOrEqual((there.length * GRID) / 2 / share + 1e-12);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('stays within 31 bits for as many sites as there may be, all at the end of the range', () => {
    fc.assert(
      fc.property(
        fc.array(weight, { minLength: 1, maxLength: 100 }),
        fc.constantFrom(-RANGE, RANGE),
        (weights, value) => {
          const words = new Int32Array(1);
          const total = sharesOf(weights).reduce((sum, share) => {
            expect(toRing([value], share, words)).toBe(-1);
            return sum + (words[0] ?? 0);
          }, 0);
          expect(Math.abs(total)).toBeLessThanOrEqual(2 ** 30 + weights.length / 2 + 1);
        },
      ),
    );
    expect(largestCount(100) * 100).toBeLessThan(2 ** 31);
  });
});

describe('the ring', () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, 16.000000000000004, -17])('has no room for %s', (value) => {
    expect(toRing([1, value, 2], 0.5, new Int32Array(3))).toBe(1);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('knows no weight of %s', (value) => {
    expect(() => sharesOf([1, value])).toThrow(RangeError);
  });
});

describe('masks', () => {
  it('are the same from wherever they are read', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.integer({ min: 0, max: 5000 }),
        fc.integer({ min: 0, max: 500 }),
        (key, start, count) => {
          expect(maskWords(key, start, count)).toEqual(maskWords(key, 0, start + count).slice(start));
          expect(maskWords(key, 2 ** 34 + start, count)).toEqual(
            maskWords(key, 2 ** 34, start + count).slice(start),
          );
        },
      ),
    );
  });

  it('are put on in parts as at once', () => {
    const masks: Mask[] = [
      { key: randomBytes(32), sign: 1 },
      { key: randomBytes(32), sign: -1 },
    ];
    const whole = new Int32Array(200_003);
    applyMasks(whole, 0, masks);
    const parts = new Int32Array(200_003);
    for (let at = 0; at < parts.length; at += 70_001) applyMasks(parts.subarray(at, at + 70_001), at, masks);
    expect(Buffer.from(parts.buffer).equals(Buffer.from(whole.buffer))).toBe(true);
    applyMasks(whole, 0, opposite(masks));
    expect(whole.every((word) => word === 0)).toBe(true);
  });

  it('of two sessions share no word of 64 bits in a million; one bit of a key turns half of the bits', () => {
    const half = (key: Uint8Array) =>
      Array.from({ length: 16 }, (_, part) => maskWords(key, part * 65_536, 65_536)).map(
        (words) =>
          new BigUint64Array(words.buffer.slice(words.byteOffset, words.byteOffset + words.byteLength)),
      );
    const key = randomBytes(32);
    const near = Buffer.from(key);
    near.writeUInt8(near.readUInt8(13) ^ 1, 13);
    const [one, other] = [half(key), half(near)];
    const seen = new Set(one.flatMap((words) => [...words]));
    expect(seen.size).toBe(524_288);
    expect(other.some((words) => words.some((word) => seen.has(word)))).toBe(false);
    let turned = 0;
    const [left, right] = [maskWords(key, 0, 65_536), maskWords(near, 0, 65_536)];
    for (const [index, word] of left.entries())
      for (let bits = (word ^ (right[index] ?? 0)) >>> 0; bits > 0; bits = (bits & (bits - 1)) >>> 0)
        turned++;
    // Seven standard deviations.
    expect(Math.abs(turned / (65_536 * 32) - 0.5)).toBeLessThan(7 / (2 * Math.sqrt(65_536 * 32)));
  });
});

describe('shares of a secret', () => {
  const cut = fc.integer({ min: 1, max: 40 }).chain((holders) =>
    fc.record({
      holders: fc.constant(holders),
      threshold: fc.integer({ min: 1, max: holders }),
      secret: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      order: fc.shuffledSubarray(
        Array.from({ length: holders }, (_, at) => at),
        { minLength: holders },
      ),
    }),
  );

  it('rebuild it, whichever they are, and no fewer do', () => {
    fc.assert(
      fc.property(cut, ({ secret, holders, threshold, order }) => {
        const shares = shareSecret(secret, { holders, threshold }, randomBytes);
        const chosen = order.slice(0, threshold).flatMap((at) => shares[at] ?? []);
        expect(rebuildSecret(chosen)).toEqual(secret);
        if (threshold > 1) expect(rebuildSecret(chosen.slice(1))).not.toEqual(secret);
      }),
    );
  });

  it('of fewer than the threshold are evenly spread, whatever the secret is', () => {
    const counts = new Uint32Array(256);
    for (let turn = 0; turn < 2000; turn++) {
      const [share] = shareSecret(new Uint8Array(32).fill(255), { holders: 3, threshold: 2 }, randomBytes);
      for (const byte of share?.bytes ?? []) counts[byte] = (counts[byte] ?? 0) + 1;
    }
    const expected = (2000 * 32) / 256;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 255 degrees of freedom: seven standard deviations over the mean.
    expect(chiSquare).toBeLessThan(255 + 7 * Math.sqrt(510));
  });

  it('are refused where they cannot be', () => {
    const secret = new Uint8Array(32);
    for (const [holders, threshold] of [
      [3, 4],
      [3, 0],
      [256, 3],
    ] as const)
      expect(() => shareSecret(secret, { holders, threshold }, randomBytes)).toThrow(RangeError);
    const share = { at: 1, bytes: secret };
    expect(() => rebuildSecret([])).toThrow(RangeError);
    expect(() => rebuildSecret([share, share])).toThrow(RangeError);
    expect(() => rebuildSecret([{ at: 0, bytes: secret }])).toThrow(RangeError);
  });
});

describe('what is sealed', () => {
  it('opens with its key and for what it is about alone, and not with a bit turned', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(), (message, place) => {
        const key = randomBytes(32);
        const sealed = seal(key, message, 'site-1 to site-2');
        expect(unseal(key, sealed, 'site-1 to site-2')).toEqual(message);
        expect(unseal(key, sealed, 'site-1 to site-3')).toBeUndefined();
        expect(unseal(randomBytes(32), sealed, 'site-1 to site-2')).toBeUndefined();
        const bent = Uint8Array.from(sealed);
        const at = place % bent.length;
        bent[at] = (bent[at] ?? 0) ^ 1;
        expect(unseal(key, bent, 'site-1 to site-2')).toBeUndefined();
        expect(unseal(key, sealed.subarray(0, 20), 'site-1 to site-2')).toBeUndefined();
      }),
    );
  });
});

describe('thresholds', () => {
  it.each([
    [3, 3, 0, 1],
    [4, 3, 1, 1],
    [5, 4, 1, 2],
    [6, 5, 1, 3],
    [8, 6, 2, 3],
    [10, 7, 3, 3],
    [20, 14, 6, 7],
    [32, 22, 10, 11],
  ])('of %i sites: %i answer, %i may go, %i may collude', (sites, threshold, gone, bad) => {
    expect(usualThreshold(sites)).toBe(threshold);
    expect(dropOuts(sites, threshold)).toBe(gone);
    expect(colluding(sites, threshold)).toBe(bad);
    // Two halves of the sites that each make a sum have one in common.
    expect(2 * leastThreshold(sites)).toBeGreaterThan(sites);
    expect(2 * (leastThreshold(sites) - 1)).toBeLessThanOrEqual(sites);
    expect(sites).toBeGreaterThanOrEqual(LEAST_SITES);
    expect(sites).toBeLessThanOrEqual(MOST_SITES);
  });
});

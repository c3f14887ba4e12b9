import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { agree, derive, publicOf } from '../../../src/runtime/masking/agreement.ts';
import { applyMasks, type Mask } from '../../../src/runtime/masking/mask-stream.ts';
import { addWords, fromRing, sharesOf, toRing } from '../../../src/runtime/masking/ring.ts';
import {
  type Member,
  ownMask,
  pairMask,
  sealKey,
  seedDigest,
  transcriptOf,
} from '../../../src/runtime/masking/session-keys.ts';
import { rebuildSecret, shareSecret } from '../../../src/runtime/masking/shamir.ts';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (value: Uint8Array | undefined) => value && Buffer.from(value).toString('hex');

describe('X25519 and HKDF', () => {
  it('agree on what RFC 7748 says, sections 5.2 and 6.1', () => {
    const [alice, bob] = [
      bytes('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'),
      bytes('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'),
    ];
    expect(hex(publicOf(alice))).toBe('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');
    expect(hex(publicOf(bob))).toBe('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f');
    const common = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';
    expect(hex(agree(alice, publicOf(bob)))).toBe(common);
    expect(hex(agree(bob, publicOf(alice)))).toBe(common);
    const own = new Uint8Array(32);
    let [key, point]: Uint8Array[] = [bytes(`09${'00'.repeat(31)}`), bytes(`09${'00'.repeat(31)}`)];
    for (let turn = 0; turn < 1000; turn++) [key, point] = [agree(key ?? own, point ?? own) ?? own, key];
    expect(hex(key)).toBe('684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51');
    expect(
      hex(
        agree(
          bytes('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4'),
          bytes('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c'),
        ),
      ),
    ).toBe('c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552');
    expect(
      hex(
        agree(
          bytes('4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d'),
          bytes('e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493'),
        ),
      ),
    ).toBe('95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957');
  });

  it('agree on nothing with a key of low order, or none at all', () => {
    const secret = new Uint8Array(32).fill(7);
    const low = [
      '00'.repeat(32),
      `01${'00'.repeat(31)}`,
      'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
      `ec${'ff'.repeat(30)}7f`,
    ];
    for (const key of low) expect(agree(secret, bytes(key)), key).toBeUndefined();
    expect(agree(secret, new Uint8Array(31))).toBeUndefined();
  });

  it.each([
    {
      ikm: '0b'.repeat(22),
      salt: '000102030405060708090a0b0c',
      info: 'f0f1f2f3f4f5f6f7f8f9',
      okm: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    },
    {
      ikm: '0b'.repeat(22),
      salt: '',
      info: '',
      okm: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
    },
  ])('derives what RFC 5869 says, appendix A: $info', ({ ikm, salt, info, okm }) => {
    const derived = derive(bytes(ikm), { salt: bytes(salt), info: bytes(info) }, okm.length / 2);
    expect(hex(derived)).toBe(okm);
  });
});

/** See test/parity/secagg.py, which wrote it. */
const oracle = z
  .strictObject({
    transcript: z.string(),
    seal: z.string(),
    masked: z.record(z.string(), z.strictObject({ first: z.array(z.number()), sha256: z.string() })),
    shares: z.record(z.string(), z.string()),
    sum: z.strictObject({ first: z.array(z.number()), sha256: z.string() }),
    mean: z.array(z.number()),
  })
  .parse(JSON.parse(readFileSync(new URL('../../parity/secagg.json', import.meta.url), 'utf8')));

describe('a round with fixed keys, as Python has it', () => {
  const SIZE = 1003;
  const WEIGHTS = { 'site-1': 40, 'site-2': 25, 'site-3': 60, 'site-10': 7 };
  const sites = Object.keys(WEIGHTS);
  const there = sites.filter((site) => site !== 'site-3');
  const made = (name: string, site: string) =>
    new Uint8Array(createHash('sha256').update(`${name} of ${site}`).digest());
  const members: Member[] = Object.entries(WEIGHTS).map(([site, weight]) => ({
    site,
    weight,
    seal: hex(publicOf(made('seal', site))) ?? '',
    mask: hex(publicOf(made('mask', site))) ?? '',
    seed: seedDigest(made('seed', site), 'train/1'),
  }));
  const transcript = transcriptOf({ job_id: 'j-1', round: 1 }, members.toReversed());
  const shares = sharesOf(Object.values(WEIGHTS));

  function valuesOf(site: string): Float64Array {
    const stream = createHash('shake256', { outputLength: 4 * SIZE })
      .update(site)
      .digest();
    return Float64Array.from({ length: SIZE }, (_, at) => stream.readInt32LE(4 * at) / 2 ** 28);
  }

  function pairs(site: string, secret = made('mask', site)): Mask[] {
    return sites
      .filter((other) => other !== site)
      .flatMap(
        (other) =>
          pairMask({ secret, peer: publicOf(made('mask', other)), transcript }, { own: site, other }) ?? [],
      );
  }

  function maskedOf(site: string): Int32Array {
    const words = new Int32Array(SIZE);
    expect(toRing(valuesOf(site), shares[sites.indexOf(site)] ?? 0, words)).toBe(-1);
    applyMasks(words, 0, [ownMask(made('seed', site), site, transcript), ...pairs(site)]);
    return words;
  }

  const digest = (words: Int32Array) =>
    createHash('sha256')
      .update(new Uint8Array(words.buffer, words.byteOffset, words.byteLength))
      .digest('hex');

  it('has its transcript and its keys', () => {
    expect(hex(transcript)).toBe(oracle.transcript);
    const pair = { secret: made('seal', 'site-2'), peer: publicOf(made('seal', 'site-1')), transcript };
    expect(hex(sealKey(pair, { from: 'site-1', to: 'site-2' }))).toBe(oracle.seal);
  });

  it.each(sites)('has the masked words of %s', (site) => {
    const masked = maskedOf(site);
    expect([...new Uint32Array(masked.buffer.slice(0, 12))]).toEqual(oracle.masked[site]?.first);
    expect(digest(masked)).toBe(oracle.masked[site]?.sha256);
  });

  it('has the shares of the secret of the site that is gone, and the sum without it', () => {
    const holders = { holders: 4, threshold: 3 };
    let degree = 0;
    const split = shareSecret(made('mask', 'site-3'), holders, () => made(`site-3 ${++degree}`, 'shares'));
    const left = split.filter(({ at }) => at !== 3);
    expect(Object.fromEntries(left.map((share) => [String(share.at), hex(share.bytes)]))).toEqual(
      oracle.shares,
    );

    const sum = new Int32Array(SIZE);
    for (const site of there) addWords(sum, maskedOf(site));
    const own = there.map((site) => ({
      ...ownMask(made('seed', site), site, transcript),
      sign: -1 as const,
    }));
    // What the site that is gone would have put on, had it come.
    applyMasks(sum, 0, [...own, ...pairs('site-3', new Uint8Array(rebuildSecret(left)))]);
    expect([...sum.subarray(0, 3)]).toEqual(oracle.sum.first);
    expect(digest(sum)).toBe(oracle.sum.sha256);

    const mean = new Float64Array(SIZE);
    fromRing(sum, (shares[0] ?? 0) + (shares[1] ?? 0) + (shares[3] ?? 0), mean);
    for (const [at, wanted] of oracle.mean.entries())
      expect(Math.abs((mean[at] ?? 0) - wanted)).toBeLessThan(1e-7);
  });
});

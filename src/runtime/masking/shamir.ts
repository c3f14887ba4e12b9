import { u8At } from '../base/at.ts';

/**
 * Shamir, "How to share a secret" (1979), byte by byte over GF(2^8) with the polynomial of AES (FIPS 197, section 4): as many shares as the
 * threshold rebuild the secret, fewer say nothing of it.
 */
export interface Share {
  /** Where the polynomials were read: 1 to 255, another one for each holder. */
  readonly at: number;
  /** As long as the secret. */
  readonly bytes: Uint8Array;
}

/**
 * @param holders number of shares, 1 to 255
 * @param random gives so many bytes, from a source fit for keys
 */
export function shareSecret(
  secret: Uint8Array,
  { holders, threshold }: { readonly holders: number; readonly threshold: number },
  random: (bytes: number) => Uint8Array,
): readonly Share[] {
  if (!(threshold >= 1 && threshold <= holders && holders <= 255))
    throw new RangeError(`${threshold} of ${holders} shares.`);
  // Of each degree one coefficient a byte of the secret, which is that of degree 0.
  const coefficients = [secret, ...Array.from({ length: threshold - 1 }, () => random(secret.length))];
  return Array.from({ length: holders }, (_, index) => {
    const at = index + 1;
    const bytes = new Uint8Array(secret.length);
    // Horner's rule.
    for (const coefficient of coefficients.toReversed())
      for (let byte = 0; byte < bytes.length; byte++)
        bytes[byte] = times(u8At(bytes, byte), at) ^ u8At(coefficient, byte);
    return { at, bytes };
  });
}

/** The secret of so many shares as its threshold. With a wrong share, or fewer, it is another one: the caller has to know it when it sees it. */
export function rebuildSecret(shares: readonly Share[]): Uint8Array {
  const [first] = shares;
  if (!first) throw new RangeError('There is no share.');
  if (
    new Set(shares.map(({ at }) => at)).size !== shares.length ||
    shares.some(({ at }) => !(at >= 1 && at <= 255))
  )
    throw new RangeError('Two shares are of one holder.');
  const secret = new Uint8Array(first.bytes.length);
  for (const { at, bytes } of shares) {
    const factor = atZero(at, shares);
    for (let byte = 0; byte < secret.length; byte++)
      secret[byte] = u8At(secret, byte) ^ times(u8At(bytes, byte), factor);
  }
  return secret;
}

/** Lagrange's polynomial of one holder at 0: the product of x / (x - at) over the others; to subtract is to add. */
function atZero(at: number, shares: readonly Share[]): number {
  return shares
    .filter((share) => share.at !== at)
    .reduce((product, { at: other }) => times(product, times(other, inverse(other ^ at))), 1);
}

/** Product in GF(2^8); it takes the same steps whatever the factors are, and looks nothing up by a secret. */
function times(left: number, right: number): number {
  let product = 0;
  let shifted = left;
  for (let bit = 0; bit < 8; bit++) {
    product ^= shifted & -((right >> bit) & 1);
    shifted = ((shifted << 1) ^ (0x11b & -(shifted >> 7))) & 0xff;
  }
  return product;
}

/** The 254th power; 0 of 0. */
function inverse(value: number): number {
  let power = value;
  let product = 1;
  for (let bit = 1; bit < 8; bit++) {
    power = times(power, power);
    product = times(product, power);
  }
  return product;
}

import { inflateRawSync } from 'node:zlib';
import { asPart10, dataSetAt, syntaxOf, underSyntax } from './part10.ts';
import { SYNTAX } from './syntaxes.ts';

/** An image of a head takes less; a small file may unpack to any size. */
export const MOST_INFLATED = 2 ** 28;

export function isDeflated(bytes: Uint8Array): boolean {
  return syntaxOf(bytes) === SYNTAX.deflated;
}

/**
 * A file whose data set is compressed as a whole (PS3.5, A.5), as one that is not.
 * @param bytes all of the file
 * @throws where it is damaged, or larger than MOST_INFLATED
 */
export function inflated(bytes: Uint8Array): Uint8Array {
  const whole = asPart10(bytes);
  const plain = inflateRawSync(whole.subarray(dataSetAt(whole)), { maxOutputLength: MOST_INFLATED });
  return underSyntax(SYNTAX.explicit, [plain]);
}

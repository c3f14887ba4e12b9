/** Of a header: the count of segments, and where each begins. */
const HEADER = 64;

/**
 * Unpacks one frame of run lengths (PS3.5, G): a segment for each byte of a pixel, the high one first.
 * @returns pixels as little-endian bytes
 * @throws where segments are missing, or end before the frame is full
 */
export function unpackRuns(
  fragment: Uint8Array,
  { pixels, bytes }: { pixels: number; bytes: number },
): Uint8Array {
  const view = new DataView(fragment.buffer, fragment.byteOffset, fragment.byteLength);
  if (fragment.length < HEADER || view.getUint32(0, true) !== bytes)
    throw new Error('It has other segments than pixels.');
  const out = new Uint8Array(pixels * bytes);
  for (let segment = 0; segment < bytes; segment++) {
    const start = view.getUint32(4 * (segment + 1), true);
    const end = segment + 1 < bytes ? view.getUint32(4 * (segment + 2), true) : fragment.length;
    if (start < HEADER || end < start || end > fragment.length) throw new Error('A segment lies outside.');
    unpackSegment(fragment.subarray(start, end), { out, from: bytes - 1 - segment, step: bytes });
  }
  return out;
}

function unpackSegment(
  packed: Uint8Array,
  { out, from, step }: { out: Uint8Array; from: number; step: number },
): void {
  let to = from;
  for (let at = 0; to < out.length; ) {
    const control = packed[at++];
    if (control === undefined) throw new Error('A segment ends early.');
    if (control === 128) continue;
    const isRun = control > 128;
    const count = isRun ? 257 - control : control + 1;
    for (let index = 0; index < count && to < out.length; index++, to += step) {
      const value = packed[isRun ? at : at + index];
      if (value === undefined) throw new Error('A segment ends early.');
      out[to] = value;
    }
    at += isRun ? 1 : count;
  }
}

import { inflated, isDeflated } from '../deflated.ts';
import { type DicomHeader, parseHeader } from '../header.ts';
import { asPart10, dataSetAt, underSyntax } from '../part10.ts';
import { SYNTAX } from '../syntaxes.ts';
import { unpackRuns } from './run-lengths.ts';

/** Of an element with a long length: tag, representation, two bytes, length. */
const ELEMENT = 12;
const ITEM = 8;
const ITEM_TAG = 0xe000fffe;
/** A part of the pixels of unknown length begins so, in explicit files: its tag, `OB` or `OW`. */
const PIXEL_DATA = 0x00107fe0;

/**
 * A file as the converter reads it right: with preamble; unpacked where it was compressed as a whole; run lengths written out, of which the converter
 * confuses the frames; the pixels of a frame in one fragment, where an archive cut them into several.
 * @throws where it is damaged
 */
export function plainFile(file: Uint8Array): Uint8Array {
  const bytes = isDeflated(file) ? inflated(file) : asPart10(file);
  const header = parseHeader(bytes);
  if (!header?.pixels || header.pixels.length !== undefined) return bytes;
  const fragments = fragmentsOf(bytes, header.pixels.offset);
  const frames = Math.max(1, header.number('0028,0008') ?? 1);
  if (header.syntax === SYNTAX.rle) return withoutRuns(bytes, { header, fragments, frames });
  if (fragments.length === frames) return bytes;
  if (frames > 1) throw new Error('Which fragments make a frame is not known.');
  return withOneFragment(bytes, { header, fragments });
}

interface Packed {
  readonly header: DicomHeader;
  readonly fragments: readonly Uint8Array[];
}

/** The items behind the table of offsets (PS3.5, A.4). */
function fragmentsOf(bytes: Uint8Array, offset: number): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const items: Uint8Array[] = [];
  for (let at = offset; at + ITEM <= bytes.length && view.getUint32(at, true) === ITEM_TAG; ) {
    const length = view.getUint32(at + 4, true);
    if (at + ITEM + length > bytes.length) throw new Error('A fragment ends early.');
    items.push(bytes.subarray(at + ITEM, at + ITEM + length));
    at += ITEM + length;
  }
  return items.slice(1);
}

function withoutRuns(
  bytes: Uint8Array,
  { header, fragments, frames }: Packed & { frames: number },
): Uint8Array {
  if (fragments.length !== frames) throw new Error('Frames are missing.');
  const pixels = (header.number('0028,0010') ?? 0) * (header.number('0028,0011') ?? 0);
  const size = { pixels, bytes: Math.ceil((header.number('0028,0100') ?? 16) / 8) };
  const plain = Buffer.concat(fragments.map((fragment) => unpackRuns(fragment, size)));
  const element = Buffer.alloc(ELEMENT);
  element.writeUInt32LE(PIXEL_DATA, 0);
  element.write('OW', 4, 'latin1');
  element.writeUInt32LE(plain.length + (plain.length % 2), 8);
  return underSyntax(SYNTAX.explicit, [
    before(bytes, header),
    element,
    plain,
    Buffer.alloc(plain.length % 2),
  ]);
}

function withOneFragment(bytes: Uint8Array, { header, fragments }: Packed): Uint8Array {
  const whole = Buffer.concat(fragments);
  const offset = header.pixels?.offset ?? 0;
  const item = (length: number) => {
    const head = Buffer.alloc(ITEM);
    head.writeUInt32LE(ITEM_TAG, 0);
    head.writeUInt32LE(length, 4);
    return head;
  };
  const end = Buffer.from('\xfe\xff\xdd\xe0\0\0\0\0', 'latin1');
  const element = bytes.subarray(offset - ELEMENT, offset);
  const parts = [before(bytes, header), element, item(0), item(whole.length), whole, end];
  return underSyntax(header.syntax, parts);
}

/** The data set up to its pixels. */
function before(bytes: Uint8Array, { pixels }: DicomHeader): Uint8Array {
  return bytes.subarray(dataSetAt(bytes), (pixels?.offset ?? 0) - ELEMENT);
}

import { deflateRawSync } from 'node:zlib';
import { type MadeSeries, madeSeries, SYNTAX } from './made-dicom.ts';

/** Ways of writing pixels that few programs have, by their UIDs (PS3.6, A). */
export const PACKED = {
  rle: '1.2.840.10008.1.2.5',
  jpegLossless: '1.2.840.10008.1.2.4.70',
  jpegLs: '1.2.840.10008.1.2.4.80',
  jpeg2000: '1.2.840.10008.1.2.4.90',
  deflated: '1.2.840.10008.1.2.1.99',
  htj2k: '1.2.840.10008.1.2.4.201',
} as const;

export interface Frame {
  readonly columns: number;
  readonly rows: number;
  readonly pixels: Uint16Array;
}

/** The files of `madeSeries` with each frame's pixels written by `encode`, under the transfer syntax; `cut` makes several fragments of a frame. */
export function packedSeries(
  syntax: string,
  encode: (frame: Frame) => Uint8Array,
  { values = {}, ...of }: MadeSeries = {},
  cut: (frame: Uint8Array) => Uint8Array[] = (frame) => [frame],
): Uint8Array[] {
  const plain = madeSeries({ ...of, values });
  const { Columns: columns = 16, Rows: rows = 12 } = values as { Columns?: number; Rows?: number };
  const headers = madeSeries({ ...of, syntax, values: { ...values, PixelData: undefined } });
  return headers.map((header, index) => {
    const bytes = Uint8Array.from((plain[index] ?? new Uint8Array()).slice(-2 * columns * rows));
    const pixels = new Uint16Array(bytes.buffer);
    return Buffer.concat([header, encapsulated(cut(encode({ columns, rows, pixels })))]);
  });
}

/** Pixels as fragments, one a frame (PS3.5, A.4). */
export function encapsulated(frames: readonly Uint8Array[]): Uint8Array {
  const item = (bytes: Uint8Array) => {
    const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
    head.writeUInt32LE(bytes.length + (bytes.length % 2), 4);
    return Buffer.concat([head, bytes, Buffer.alloc(bytes.length % 2)]);
  };
  const begin = Buffer.from('\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff', 'latin1');
  const end = Buffer.from('\xfe\xff\xdd\xe0\0\0\0\0', 'latin1');
  return Buffer.concat([begin, item(new Uint8Array()), ...frames.map(item), end]);
}

/** A file whose data set, all behind the meta information, is deflated (PS3.5, A.5). */
export function deflated(files: readonly Uint8Array[]): Uint8Array[] {
  return files.map((file) => {
    const bytes = Buffer.from(file);
    const metaEnd = 132 + 12 + bytes.readUInt32LE(140);
    const meta = bytes.subarray(132, metaEnd).toString('latin1');
    const uid = (text: string) => `UI${String.fromCharCode(text.length)}\0${text}`;
    const changed = Buffer.from(meta.replace(uid(`${SYNTAX.explicit}\0`), uid(PACKED.deflated)), 'latin1');
    changed.writeUInt32LE(changed.length - 12, 8);
    return Buffer.concat([bytes.subarray(0, 132), changed, deflateRawSync(bytes.subarray(metaEnd))]);
  });
}

/** Runs of equal bytes, high bytes before low ones, row by row (PS3.5, G). */
export function runLengths({ columns, rows, pixels }: Frame): Uint8Array {
  const segments = [8, 0].map((shift) => {
    const bytes = Uint8Array.from(pixels, (value) => value >> shift);
    const packed = Array.from({ length: rows }, (_, row) =>
      packBits(bytes.subarray(row * columns, (row + 1) * columns)),
    );
    const segment = Buffer.concat(packed);
    return Buffer.concat([segment, Buffer.alloc(segment.length % 2)]);
  });
  const header = Buffer.alloc(64);
  header.writeUInt32LE(segments.length, 0);
  let offset = header.length;
  for (const [index, segment] of segments.entries()) {
    header.writeUInt32LE(offset, 4 * (index + 1));
    offset += segment.length;
  }
  return Buffer.concat([header, ...segments]);
}

function packBits(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    let run = 1;
    while (run < 128 && bytes[at + run] === bytes[at]) run++;
    if (run > 2) {
      out.push(257 - run, bytes[at] ?? 0);
      at += run;
      continue;
    }
    let length = 1;
    while (length < 128 && at + length < bytes.length && bytes[at + length] !== bytes[at + length - 1])
      length++;
    out.push(length - 1, ...bytes.subarray(at, at + length));
    at += length;
  }
  return Uint8Array.from(out);
}

/** Lossless JPEG of 16 bits, each pixel predicted by its left neighbour (ITU-T T.81, H), with codes of five bits for all differences. */
export function losslessJpeg({ columns, rows, pixels }: Frame): Uint8Array {
  const size = [rows >> 8, rows & 255, columns >> 8, columns & 255];
  const categories = Array.from({ length: 17 }, (_, category) => category);
  const counts = [0, 0, 0, 0, categories.length, ...new Array<number>(11).fill(0)];
  const head = [
    [0xff, 0xd8],
    [0xff, 0xc3, 0, 11, 16, ...size, 1, 1, 0x11, 0],
    [0xff, 0xc4, 0, 19 + categories.length, 0, ...counts, ...categories],
    [0xff, 0xda, 0, 8, 1, 1, 0, 1, 0, 0],
  ].flat();
  const bits = new Bits();
  for (let at = 0; at < pixels.length; at++) {
    const above = at < columns ? 1 << 15 : (pixels[at - columns] ?? 0);
    const guess = at % columns === 0 ? above : (pixels[at - 1] ?? 0);
    let difference = ((pixels[at] ?? 0) - guess) & 0xffff;
    if (difference > 32768) difference -= 65536;
    const category = difference === 0 ? 0 : 32 - Math.clz32(Math.abs(difference));
    bits.add(category, 5);
    if (category > 0 && category < 16)
      bits.add(difference < 0 ? difference + (1 << category) - 1 : difference, category);
  }
  return Uint8Array.from([...head, ...bits.end(), 0xff, 0xd9]);
}

class Bits {
  readonly #bytes: number[] = [];
  #held = 0;
  #count = 0;

  add(value: number, bits: number): void {
    for (let at = bits - 1; at >= 0; at--) {
      this.#held = (this.#held << 1) | ((value >> at) & 1);
      if (++this.#count < 8) continue;
      this.#bytes.push(this.#held);
      // What looks like a marker is told apart by a zero.
      if (this.#held === 0xff) this.#bytes.push(0);
      this.#held = 0;
      this.#count = 0;
    }
  }

  end(): number[] {
    while (this.#count > 0) this.add(1, 1);
    return this.#bytes;
  }
}

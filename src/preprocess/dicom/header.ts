import { createRequire } from 'node:module';
import type { DataSet, Element } from 'dicom-parser';
import { trimEndOf, trimStartOf } from '../../runtime/base/text/trim-marks.ts';
import { textDecoder } from './character-set.ts';
import { formOf, withPreamble } from './part10.ts';
import { SYNTAX } from './syntaxes.ts';

/** The package is CommonJS whose names Node.js cannot tell, so that an import has none of them. */
const { parseDicom } = createRequire(import.meta.url)('dicom-parser') as typeof import('dicom-parser');

/** The elements of a DICOM file before its pixels, or of one item of a sequence. Tags are written `0010,0020`. */
export interface DicomElements {
  has(tag: string): boolean;
  /** The first value as text, trimmed; undefined where it is absent or empty. */
  text(tag: string): string | undefined;
  /** All values of an element as text; values are kept apart by a backslash in DICOM. */
  texts(tag: string): readonly string[];
  /** All values of an element as numbers, whatever its value representation; those that are none are left out. */
  numbers(tag: string): readonly number[];
  number(tag: string): number | undefined;
  items(tag: string): readonly DicomElements[];
  /** Every element: tag, value representation where the file has it, and text of its value. */
  walk(visit: (element: WalkedElement) => void): void;
}

export interface WalkedElement {
  readonly tag: string;
  readonly vr: string | undefined;
  /** Values as text; empty for what is no text. */
  readonly texts: () => readonly string[];
}

export interface DicomHeader extends DicomElements {
  /** UID of the transfer syntax. */
  readonly syntax: string;
  /** Where the pixels begin, and their length as the file says it; undefined for a length that is not told, as of compressed ones. */
  readonly pixels: { readonly offset: number; readonly length: number | undefined } | undefined;
}

const PIXEL_DATA = 'x7fe00010';
const FLOAT_PIXELS = ['x7fe00008', 'x7fe00009'];
const UNKNOWN_LENGTH = 0xffffffff;
/** What values of an odd length are filled up with (PS3.5, 6.2). */
const PADDING = '\0 ';
/** Items in one another; more is no image's header. */
const MOST_DEPTH = 16;
const BINARY_WIDTHS: ReadonlyMap<string, number> = new Map([
  ['US', 2],
  ['SS', 2],
  ['UL', 4],
  ['SL', 4],
  ['FL', 4],
  ['FD', 8],
]);

/**
 * The header of a DICOM file, from its first bytes. Files without preamble, or without meta information, are taken as well.
 * @param bytes the file as far as it was read
 * @returns undefined where the bytes are no DICOM
 * @throws what the parser says where the bytes end in the middle of the header, or are damaged
 */
export function parseHeader(bytes: Uint8Array): DicomHeader | undefined {
  const form = formOf(bytes);
  if (form === undefined) return undefined;
  const whole = form.preamble ? withPreamble(bytes) : bytes;
  const added = whole.length - bytes.length;
  const options = { untilTag: PIXEL_DATA, ...(form.syntax && { TransferSyntaxUID: form.syntax }) };
  const dataSet = parseDicom(whole, options);
  const decode = textDecoder(latin(dataSet, 'x00080005'));
  const pixels =
    dataSet.elements[PIXEL_DATA] ?? FLOAT_PIXELS.map((tag) => dataSet.elements[tag]).find(Boolean);
  return {
    ...elementsOf(dataSet, { decode, depth: 0 }),
    syntax: latin(dataSet, 'x00020010') ?? form.syntax ?? SYNTAX.implicit,
    pixels: pixels && {
      offset: pixels.dataOffset - added,
      length: pixels.length === UNKNOWN_LENGTH ? undefined : pixels.length,
    },
  };
}

interface Reading {
  readonly decode: (bytes: Uint8Array) => string;
  readonly depth: number;
}

function elementsOf(dataSet: DataSet, reading: Reading): DicomElements {
  const elementAt = (tag: string): Element | undefined =>
    dataSet.elements[`x${tag.replace(',', '').toLowerCase()}`];
  const textsAt = (tag: string) => textsOf(dataSet, elementAt(tag), reading);
  const numbersAt = (tag: string) => numbersOf(dataSet, elementAt(tag), { tag, reading });
  return {
    has: (tag) => elementAt(tag) !== undefined,
    text: (tag) => textsAt(tag)[0] || undefined,
    texts: textsAt,
    numbers: numbersAt,
    number: (tag) => numbersAt(tag)[0],
    items: (tag) => itemsOf(elementAt(tag), reading),
    walk: (visit) => walk(dataSet, reading, visit),
  };
}

function itemsOf(element: Element | undefined, reading: Reading): DicomElements[] {
  const deeper = { ...reading, depth: reading.depth + 1 };
  return (element?.items ?? []).flatMap(({ dataSet }) => (dataSet ? [elementsOf(dataSet, deeper)] : []));
}

function walk(dataSet: DataSet, reading: Reading, visit: (element: WalkedElement) => void): void {
  for (const [key, element] of Object.entries(dataSet.elements)) {
    const tag = `${key.slice(1, 5)},${key.slice(5, 9)}`;
    visit({ tag, vr: element.vr, texts: () => textsOf(dataSet, element, reading) });
    if (reading.depth >= MOST_DEPTH) continue;
    for (const item of itemsOf(element, reading)) item.walk(visit);
  }
}

function valueBytes(dataSet: DataSet, element: Element | undefined): Uint8Array {
  if (!element || element.items || element.length === UNKNOWN_LENGTH) return new Uint8Array();
  return dataSet.byteArray.subarray(element.dataOffset, element.dataOffset + element.length);
}

function textsOf(dataSet: DataSet, element: Element | undefined, { decode }: Reading): string[] {
  const bytes = valueBytes(dataSet, element);
  if (bytes.length === 0) return [];
  return decode(bytes)
    .split('\\')
    .map((value) => trimStartOf(trimEndOf(value, PADDING), ' '));
}

/** Numbers that the parser can name without a value representation, which implicit files lack. */
const BINARY_TAGS = /^0028,(0002|0006|001[01]|010[0-3]|0106|0107)$|^0019,100a$/;

function numbersOf(
  dataSet: DataSet,
  element: Element | undefined,
  { tag, reading }: { tag: string; reading: Reading },
): number[] {
  if (!element) return [];
  const vr = element.vr ?? (BINARY_TAGS.test(tag) ? 'US' : undefined);
  const width = BINARY_WIDTHS.get(vr ?? '');
  if (width === undefined) {
    return textsOf(dataSet, element, reading)
      .map((text) => (text === '' ? Number.NaN : Number(text)))
      .filter(Number.isFinite);
  }
  const count = Math.floor(valueBytes(dataSet, element).length / width);
  const values = Array.from({ length: count }, (_, at) => binaryAt(dataSet, { element, vr: vr ?? '', at }));
  return values.filter(Number.isFinite);
}

function binaryAt(
  dataSet: DataSet,
  { element, vr, at }: { element: Element; vr: string; at: number },
): number {
  const { byteArray, byteArrayParser } = dataSet;
  const parser = element.parser ?? byteArrayParser;
  const position = element.dataOffset + at * (BINARY_WIDTHS.get(vr) ?? 0);
  if (vr === 'US') return parser.readUint16(byteArray, position);
  if (vr === 'SS') return parser.readInt16(byteArray, position);
  if (vr === 'UL') return parser.readUint32(byteArray, position);
  if (vr === 'SL') return parser.readInt32(byteArray, position);
  return vr === 'FL' ? parser.readFloat(byteArray, position) : parser.readDouble(byteArray, position);
}

/** A value of letters that are the same in all character sets. */
function latin(dataSet: DataSet, key: string): string | undefined {
  const bytes = valueBytes(dataSet, dataSet.elements[key]);
  return bytes.length === 0 ? undefined : trimEndOf(Buffer.from(bytes).toString('latin1'), PADDING);
}

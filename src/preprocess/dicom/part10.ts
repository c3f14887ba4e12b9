import { SYNTAX } from './syntaxes.ts';

/** The transfer syntax in the meta information, which is never compressed: for files of which the rest is. */
export function syntaxOf(bytes: Uint8Array): string | undefined {
  const form = formOf(bytes);
  if (form === undefined || form.syntax !== undefined) return form?.syntax;
  const whole = form.preamble ? withPreamble(bytes) : bytes;
  const meta = Buffer.from(whole.subarray(132, 132 + 4096)).toString('latin1');
  return /\x02\x00\x10\x00UI..([0-9.]+)/s.exec(meta)?.[1];
}

interface Form {
  /** A file with meta information whose 128 bytes and `DICM` are missing. */
  readonly preamble: boolean;
  /** Of a file without meta information. */
  readonly syntax?: string;
}

export function formOf(bytes: Uint8Array): Form | undefined {
  if (bytes.length < 16) return undefined;
  if (Buffer.from(bytes.subarray(128, 132)).toString('latin1') === 'DICM') return { preamble: false };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [little, big] = [view.getUint16(0, true), view.getUint16(0, false)];
  const isExplicit = /^[A-Z]{2}$/.test(Buffer.from(bytes.subarray(4, 6)).toString('latin1'));
  if (little === 2 && isExplicit) return { preamble: true };
  // Files of old archives begin with the group of identification, at one of its first elements.
  if (little === 8 && view.getUint16(2, true) < 0x100) {
    if (isExplicit) return { preamble: false, syntax: SYNTAX.explicit };
    return view.getUint32(4, true) < 0x1000 ? { preamble: false, syntax: SYNTAX.implicit } : undefined;
  }
  if (big === 8 && isExplicit) return { preamble: false, syntax: SYNTAX.big };
  return undefined;
}

export function withPreamble(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(bytes.length + 132);
  whole.set(Buffer.from('DICM'), 128);
  whole.set(bytes, 132);
  return whole;
}

/** The file with preamble and meta information, which the converter wants; the same bytes where it has them. */
export function asPart10(bytes: Uint8Array): Uint8Array {
  const form = formOf(bytes);
  if (form?.preamble) return withPreamble(bytes);
  return form?.syntax === undefined ? bytes : underSyntax(form.syntax, [bytes]);
}

/** A data set as a file of a transfer syntax: preamble, and no more meta information than that. */
export function underSyntax(syntax: string, dataSet: readonly Uint8Array[]): Uint8Array {
  const uid = syntax.length % 2 === 0 ? syntax : `${syntax}\0`;
  const meta = Buffer.alloc(12 + 8 + uid.length);
  meta.write('\x02\0\0\0UL\x04\0', 0, 'latin1');
  meta.writeUInt32LE(8 + uid.length, 8);
  meta.write('\x02\0\x10\0UI', 12, 'latin1');
  meta.writeUInt16LE(uid.length, 18);
  meta.write(uid, 20, 'latin1');
  return withPreamble(Buffer.concat([meta, ...dataSet]));
}

/** Representations whose length has four bytes behind two that are kept (PS3.5, 7.1.2). */
const LONG = /^(OB|OD|OF|OL|OV|OW|SQ|SV|UC|UN|UR|UT|UV)$/;

/** Where the data set begins in a file with preamble: behind the elements of group 2. */
export function dataSetAt(bytes: Uint8Array): number {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 132;
  while (at + 12 <= view.length && view.readUInt16LE(at) === 2) {
    const isLong = LONG.test(view.toString('latin1', at + 4, at + 6));
    at += isLong ? 12 + view.readUInt32LE(at + 8) : 8 + view.readUInt16LE(at + 6);
  }
  return at;
}

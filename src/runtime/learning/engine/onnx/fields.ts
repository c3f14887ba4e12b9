/** A 64-bit number. */
const MOST_VARINT_BYTES = 10;

const NONE = new Uint8Array();

/** A field of a message. */
export interface Field {
  readonly number: number;
  /** Of a varint. */
  readonly value: bigint;
  /** Of a length-delimited field. */
  readonly bytes: Uint8Array;
}

/**
 * The fields of a message in the protocol buffers wire format, one at a time: a file of nothing but fields fills no memory.
 * @throws Error where the message breaks off or is none
 */
export function* fieldsOf(message: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    let [value, shift] = [0n, 0n];
    for (const end = at + MOST_VARINT_BYTES; ; ) {
      if (at === end) throw new Error('a number is too long');
      const byte = message[at++];
      if (byte === undefined) throw new Error('the message ends within a number');
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
      shift += 7n;
    }
  };
  const take = (length: number): Uint8Array => {
    if (at + length > message.length) throw new Error('the message ends within a field');
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = varint();
    const number = Number(tag >> 3n);
    const wire = Number(tag & 7n);
    if (wire === 0) yield { number, value: varint(), bytes: NONE };
    else if (wire === 1) yield { number, value: 0n, bytes: take(8) };
    else if (wire === 2) yield { number, value: 0n, bytes: take(Number(varint())) };
    else if (wire === 5) yield { number, value: 0n, bytes: take(4) };
    else throw new Error(`wire type ${wire}`);
  }
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

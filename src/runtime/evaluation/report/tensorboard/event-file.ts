import { crc32c } from './crc32c.ts';

/** One figure at one step. */
export interface Scalar {
  readonly tag: string;
  readonly step: number;
  readonly value: number;
}

/**
 * The bytes of a TensorBoard event file: TFRecord frames (length, masked CRC, data, masked CRC; tensorflow/core/lib/io/record_writer.h) of
 * `Event` messages (tensorflow/core/util/event.proto).
 * @param seconds since 1970, the time of all events
 */
export function encodeEvents(scalars: readonly Scalar[], seconds: number): Uint8Array {
  const version = Buffer.concat([fixed64(1, seconds), bytesField(3, Buffer.from('brain.Event:2'))]);
  return Buffer.concat([version, ...scalars.map((scalar) => encodeScalar(scalar, seconds))].map(frame));
}

/** Event: 1 wall_time (double), 2 step, 5 summary; Summary: 1 value; Value: 1 tag, 2 simple_value (float). */
function encodeScalar({ tag, step, value }: Scalar, seconds: number): Buffer {
  const item = Buffer.concat([bytesField(1, Buffer.from(tag)), fixed32(2, value)]);
  return Buffer.concat([fixed64(1, seconds), varintField(2, step), bytesField(5, bytesField(1, item))]);
}

function frame(data: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, masked(length), data, masked(data)]);
}

function masked(bytes: Uint8Array): Buffer {
  const crc = crc32c(bytes);
  const out = Buffer.alloc(4);
  out.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  return out;
}

const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

function key(field: number, wire: number): Buffer {
  return varint((field << 3) | wire);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function varintField(field: number, value: number): Buffer {
  return Buffer.concat([key(field, WIRE.varint), varint(value)]);
}

function bytesField(field: number, value: Buffer): Buffer {
  return Buffer.concat([key(field, WIRE.bytes), varint(value.length), value]);
}

function fixed64(field: number, value: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeDoubleLE(value);
  return Buffer.concat([key(field, WIRE.fixed64), out]);
}

function fixed32(field: number, value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeFloatLE(value);
  return Buffer.concat([key(field, WIRE.fixed32), out]);
}

import { flError } from '../../kernel/errors.ts';
import type { NdArray, ParamSet } from '../../tensors/nd-array.ts';

/** Field numbers of onnx.proto. */
const MODEL_GRAPH = 7;
const GRAPH_INITIALIZER = 5;
const TENSOR = { dims: 1, dataType: 2, floatData: 4, name: 8, rawData: 9 };
const FLOAT = 1;

interface Field {
  readonly number: number;
  /** Of a varint. */
  readonly value: bigint;
  /** Of a length-delimited field. */
  readonly bytes: Uint8Array;
}

/**
 * The float32 initializers of an ONNX file by name: the weights of what `exportOnnx` writes.
 * @throws NF_IMPORT_FILE
 */
export function readInitializers(file: Uint8Array, path: string): ParamSet {
  try {
    const graphs = fieldsOf(file).filter(({ number }) => number === MODEL_GRAPH);
    const tensors = graphs
      .flatMap(({ bytes }) => fieldsOf(bytes))
      .filter(({ number }) => number === GRAPH_INITIALIZER);
    return Object.fromEntries(tensors.flatMap(({ bytes }) => floatTensor(fieldsOf(bytes))));
  } catch (cause) {
    throw flError('NF_IMPORT_FILE', { path, reason: 'it is no ONNX file' }, { place: { file: path }, cause });
  }
}

function floatTensor(fields: readonly Field[]): [string, NdArray][] {
  const of = (number: number) => fields.filter((field) => field.number === number);
  if (of(TENSOR.dataType)[0]?.value !== BigInt(FLOAT)) return [];
  const shape = of(TENSOR.dims).map(({ value }) => Number(value));
  const name = Buffer.from(of(TENSOR.name)[0]?.bytes ?? []).toString('utf8');
  const raw = of(TENSOR.rawData)[0]?.bytes ?? of(TENSOR.floatData)[0]?.bytes ?? new Uint8Array();
  const data = new Float32Array(new Uint8Array(raw).buffer);
  return [[name, { dtype: 'float32', shape, data }]];
}

/** The fields of a message in the protocol buffers wire format. */
function fieldsOf(message: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let [value, shift] = [0n, 0n];
    for (;;) {
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
    if (wire === 0) fields.push({ number, value: varint(), bytes: new Uint8Array() });
    else if (wire === 1) fields.push({ number, value: 0n, bytes: take(8) });
    else if (wire === 2) fields.push({ number, value: 0n, bytes: take(Number(varint())) });
    else if (wire === 5) fields.push({ number, value: 0n, bytes: take(4) });
    else throw new Error(`wire type ${wire}`);
  }
  return fields;
}

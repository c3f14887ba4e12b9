import { flError, NeuroflareError } from '../../base/errors/errors.ts';
import { elementCount, type NdArray, type ParamSet } from '../../base/tensors/nd-array.ts';

/** Field numbers of onnx.proto. */
const MODEL_GRAPH = 7;
const GRAPH_INITIALIZER = 5;
const TENSOR = { dims: 1, dataType: 2, floatData: 4, name: 8, rawData: 9, external: 13, location: 14 };
const FLOAT = 1;
/** A 64-bit number. */
const MOST_VARINT_BYTES = 10;
/** No array has more axes. */
const MOST_DIMS = 8;

const NONE = new Uint8Array();

interface Field {
  readonly number: number;
  /** Of a varint. */
  readonly value: bigint;
  /** Of a length-delimited field. */
  readonly bytes: Uint8Array;
}

/**
 * The float32 initializers of an ONNX file by name: the weights of what `exportOnnx` writes. Weights in other files (external data)
 * are not looked for.
 * @throws NF_IMPORT_FILE
 */
export function readInitializers(file: Uint8Array, path: string): ParamSet {
  const invalid = (reason: string, cause?: unknown) =>
    flError('NF_IMPORT_FILE', { path, reason }, { place: { file: path }, cause });
  const params = new Map<string, NdArray>();
  try {
    for (const graph of fieldsOf(file)) {
      if (graph.number !== MODEL_GRAPH) continue;
      for (const tensor of fieldsOf(graph.bytes)) {
        if (tensor.number !== GRAPH_INITIALIZER) continue;
        const read = readTensor(tensor.bytes);
        if (read.isExternal)
          throw invalid(`the weights of '${read.name}' lie in another file (external data)`);
        if (!read.isFloat) continue;
        const { name, shape, data } = read;
        if (name === '__proto__') throw invalid("an array is named '__proto__'");
        if (elementCount(shape) !== data.length)
          throw invalid(`'${name}' has ${data.length} elements, and its shape ${elementCount(shape)}`);
        params.set(name, { dtype: 'float32', shape, data });
      }
    }
    return Object.fromEntries(params);
  } catch (cause) {
    if (cause instanceof NeuroflareError) throw cause;
    throw invalid('it is no ONNX file', cause);
  }
}

interface TensorProto {
  readonly name: string;
  readonly isFloat: boolean;
  readonly isExternal: boolean;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

function readTensor(message: Uint8Array): TensorProto {
  const shape: number[] = [];
  let [name, isFloat, isExternal] = ['', false, false];
  let floats = new Uint8Array();
  let raw: Uint8Array | undefined;
  for (const { number, value, bytes } of fieldsOf(message)) {
    if (number === TENSOR.dims) shape.push(Number(value));
    if (shape.length > MOST_DIMS) throw new Error('an array has too many axes');
    if (number === TENSOR.dataType) isFloat = value === BigInt(FLOAT);
    if (number === TENSOR.name) name = Buffer.from(bytes).toString('utf8');
    if (number === TENSOR.floatData) floats = new Uint8Array(bytes);
    if (number === TENSOR.rawData) raw = bytes;
    if (number === TENSOR.external) isExternal = true;
    if (number === TENSOR.location) isExternal ||= value !== 0n;
  }
  const own = isFloat ? new Uint8Array(raw ?? floats) : new Uint8Array();
  return { name, isFloat, isExternal, shape, data: new Float32Array(own.buffer) };
}

/** The fields of a message in the protocol buffers wire format, one at a time: a file of nothing but fields fills no memory. */
function* fieldsOf(message: Uint8Array): Generator<Field> {
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

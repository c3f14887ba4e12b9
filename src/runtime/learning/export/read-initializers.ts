import { flError, NeuroflareError } from '../../base/errors/errors.ts';
import { elementCount, type NdArray, type ParamSet } from '../../base/tensors/nd-array.ts';
import { fieldsOf, textOf } from '../engine/onnx/fields.ts';

/** Field numbers of onnx.proto. */
const MODEL_GRAPH = 7;
const GRAPH_INITIALIZER = 5;
const TENSOR = { dims: 1, dataType: 2, floatData: 4, name: 8, rawData: 9, external: 13, location: 14 };
const FLOAT = 1;
/** No array has more axes. */
const MOST_DIMS = 8;

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
    if (number === TENSOR.name) name = textOf(bytes);
    if (number === TENSOR.floatData) floats = new Uint8Array(bytes);
    if (number === TENSOR.rawData) raw = bytes;
    if (number === TENSOR.external) isExternal = true;
    if (number === TENSOR.location) isExternal ||= value !== 0n;
  }
  const own = isFloat ? new Uint8Array(raw ?? floats) : new Uint8Array();
  return { name, isFloat, isExternal, shape, data: new Float32Array(own.buffer) };
}

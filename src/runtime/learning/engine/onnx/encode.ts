import { bytesOf } from '../../../base/tensors/nd-array.ts';
import type { OnnxAttribute, OnnxConstant, OnnxNode, OnnxOpenValue, OnnxParts, OnnxType } from './graph.ts';
import { WireWriter } from './wire.ts';

export const IR_VERSION = 10;
export const OPSET = 21;
/** TensorProto.DataType. */
const DATA_TYPES: Record<OnnxType, number> = { float32: 1, int32: 6, int64: 7, bool: 9 };
/** AttributeProto.AttributeType. */
const ATTRIBUTE_TYPES = { float: 1, int: 2, string: 3, ints: 7 };

/** A graph as an ONNX file: ModelProto of onnx.proto, IR version 10, operator set 21; field numbers are that file's. */
export function encodeModel(
  { nodes, constants, inputs, outputs }: OnnxParts,
  { name = 'step', metadata = {} }: { name?: string; metadata?: Readonly<Record<string, string>> } = {},
): Uint8Array {
  const body = new WireWriter();
  for (const node of nodes) body.message(1, nodeProto(node));
  body.string(2, name);
  for (const constant of constants) body.message(5, tensorProto(constant));
  for (const input of inputs) body.message(11, valueInfo(input));
  for (const output of outputs) body.message(12, valueInfo(output));

  const model = new WireWriter().int(1, IR_VERSION).string(2, 'neuroflare').message(7, body);
  model.message(8, operatorSet('', OPSET));
  for (const domain of new Set(nodes.map((node) => domainOf(node.type)))) {
    if (domain !== '') model.message(8, operatorSet(domain, 1));
  }
  for (const [key, value] of Object.entries(metadata)) {
    model.message(14, new WireWriter().string(1, key).string(2, value));
  }
  return model.finish();
}

export function operatorSet(domain: string, version: number): WireWriter {
  return new WireWriter().string(1, domain).int(2, version);
}

export function nodeProto(node: OnnxNode): WireWriter {
  const proto = new WireWriter();
  for (const input of node.inputs) proto.string(1, input);
  for (const output of node.outputs) proto.string(2, output);
  const domain = domainOf(node.type);
  proto
    .string(3, `n_${node.outputs[0]}`)
    .string(4, domain === '' ? node.type : node.type.slice(domain.length + 1));
  for (const [name, value] of Object.entries(node.attributes)) proto.message(5, attributeProto(name, value));
  if (domain !== '') proto.string(7, domain);
  return proto;
}

function attributeProto(name: string, value: OnnxAttribute): WireWriter {
  const proto = new WireWriter().string(1, name);
  if (typeof value === 'number') return proto.int(3, value).int(20, ATTRIBUTE_TYPES.int);
  if (typeof value === 'string') {
    return proto.bytes(4, Buffer.from(value, 'utf8')).int(20, ATTRIBUTE_TYPES.string);
  }
  if ('float' in value) return proto.float(2, value.float).int(20, ATTRIBUTE_TYPES.float);
  for (const item of value) proto.int(8, item);
  return proto.int(20, ATTRIBUTE_TYPES.ints);
}

export function tensorProto({ name, type, shape, data }: OnnxConstant): WireWriter {
  const proto = new WireWriter();
  for (const size of shape) proto.int(1, size);
  return proto.int(2, DATA_TYPES[type]).string(8, name).bytes(9, bytesOf(data));
}

export function valueInfo({ name, type, shape }: OnnxOpenValue): WireWriter {
  const dimensions = new WireWriter();
  for (const size of shape) {
    const dimension = new WireWriter();
    dimensions.message(1, typeof size === 'string' ? dimension.string(2, size) : dimension.int(1, size));
  }
  const tensorType = new WireWriter().int(1, DATA_TYPES[type]).message(2, dimensions);
  return new WireWriter().string(1, name).message(2, new WireWriter().message(1, tensorType));
}

function domainOf(type: string): string {
  return type.slice(0, Math.max(0, type.lastIndexOf('.')));
}

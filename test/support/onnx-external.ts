/**
 * Bytes of an ONNX model whose 16 output numbers (uint8) lie in another file: `location`, from where the runtime looks for it. They are
 * weights of the graph, or those of a layer of their own.
 */
export function encodeModel(location: string, of: 'graph' | 'layer' = 'graph'): Buffer {
  const entry = (key: string, value: string) => part(13, Buffer.concat([text(1, key), text(2, value)]));
  const weights = Buffer.concat([
    whole(1, 16),
    whole(2, UINT8),
    text(8, 'w'),
    ...[entry('location', location), entry('offset', '0'), entry('length', '16')],
    whole(14, EXTERNAL),
  ]);
  const shape = part(2, part(1, whole(1, 16)));
  const output = Buffer.concat([text(1, 'y'), part(2, part(1, Buffer.concat([whole(1, UINT8), shape])))]);
  const value = part(5, Buffer.concat([text(1, 'value'), part(5, weights), whole(20, TENSOR)]));
  const node =
    of === 'graph'
      ? Buffer.concat([text(1, 'w'), text(2, 'y'), text(4, 'Identity')])
      : Buffer.concat([text(2, 'y'), text(4, 'Constant'), value]);
  const held = of === 'graph' ? part(5, weights) : Buffer.alloc(0);
  const graph = Buffer.concat([part(1, node), text(2, 'g'), held, part(12, output)]);
  return Buffer.concat([whole(1, 8), part(7, graph), part(8, Buffer.concat([text(1, ''), whole(2, 17)]))]);
}

/** Of onnx.proto: TensorProto.DataType, TensorProto.DataLocation and AttributeProto.AttributeType. */
const UINT8 = 2;
const TENSOR = 4;
const EXTERNAL = 1;

/** Protocol Buffers: a field's number and wire type, then its value. */
function part(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes]);
}

function text(field: number, value: string): Buffer {
  return part(field, Buffer.from(value));
}

function whole(field: number, value: number): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    bytes.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) return Buffer.from(bytes);
  }
}

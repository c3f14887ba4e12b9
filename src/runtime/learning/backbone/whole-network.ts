import { flError } from '../../base/errors/errors.ts';
import type { ParamSet } from '../../base/tensors/nd-array.ts';
import { IR_VERSION, nodeProto, operatorSet, tensorProto, valueInfo } from '../engine/onnx/encode.ts';
import { fieldsOf } from '../engine/onnx/fields.ts';
import { type OnnxConstant, OnnxGraph, type OnnxParts } from '../engine/onnx/graph.ts';
import { WireWriter } from '../engine/onnx/wire.ts';
import { classifierParts, EXPORTED } from '../export/export-onnx.ts';
import { buildModel, fillModel } from '../models/build.ts';
import { type BackboneSpec, inputChannels } from '../models/spec.ts';
import { channelSources, inputScale } from './network-file.ts';
import { type OnnxFile, type OnnxFileNode, readOnnxFile } from './onnx-file.ts';
import { type Backbone, openBackbone } from './open-backbone.ts';

/** Operators of older sets take other inputs than those that are written here. */
const LEAST_OPSET = 13;
const NODE = { input: 1, output: 2 };
const TENSOR_NAME = 8;
/** Before names of the frozen part, so that they are no others'. */
const FROZEN = 'frozen/';

/**
 * A model on a pretrained network as one ONNX file: `image` [1, size, size, channels], as `openDataset` prepares it, to `logits` and `probabilities`
 * [1, classes]. What the network expects of its input is in the graph.
 * @throws NF_BACKBONE_*
 */
export async function wholeNetwork(spec: BackboneSpec, params: ParamSet): Promise<Uint8Array> {
  const backbone = await openBackbone(spec);
  const { onnx, input, output } = backbone.network;
  const frozen = readOnnxFile(onnx);
  if (frozen.opset < LEAST_OPSET) {
    const reason = `its operators are of set ${frozen.opset}, and those of ${LEAST_OPSET} on can be joined`;
    throw flError('NF_BACKBONE_EXPORT', { format: 'onnx', reason }, { place: { key: 'model.import' } });
  }
  const before = inputGraph(spec, backbone, FROZEN + input);
  const between = poolingGraph(spec, backbone, FROZEN + output);
  const model = buildModel(spec);
  try {
    fillModel(model, params);
    const joined = renamed(classifierParts(model), between?.output ?? FROZEN + output);
    return join({ spec, frozen, parts: [before, between?.parts, joined] });
  } finally {
    model.dispose();
  }
}

/** From the picture to what the frozen part takes. */
function inputGraph(spec: BackboneSpec, { network }: Backbone, name: string): OnnxParts {
  const graph = new OnnxGraph();
  const [side, sources] = [spec.image_size, channelSources(spec)];
  const taken = sources.length;
  const form = { type: 'float32', shape: [1, side, side, inputChannels(spec)] } as const;
  const image = graph.input({ name: EXPORTED.image, ...form });
  const wide =
    inputChannels(spec) === taken
      ? image
      : graph.op(
          'Concat',
          sources.map(() => image),
          { axis: 3 },
        );
  const { means, deviations } = inputScale(spec);
  const each = (values: number[]) => graph.constant('float32', [taken], Float32Array.from(values));
  const moved = graph.op('Add', [graph.op('Mul', [wide, each(deviations)]), each(means)]);
  const placed = network.channelsFirst ? graph.op('Transpose', [moved], { perm: [0, 3, 1, 2] }) : moved;
  graph.output({ name, type: 'float32', shape: [] }, placed);
  return prefixed(graph.live(), 'input/', [EXPORTED.image, name]);
}

/** From feature maps to one number of each. */
function poolingGraph(
  spec: BackboneSpec,
  { network, poolsMaps }: Backbone,
  from: string,
): { readonly parts: OnnxParts; readonly output: string } | undefined {
  if (!poolsMaps) return undefined;
  const graph = new OnnxGraph();
  const output = 'pooled/features';
  graph.input({ name: from, type: 'float32', shape: [] });
  const maps = network.channelsFirst ? from : graph.op('Transpose', [from], { perm: [0, 3, 1, 2] });
  const one = graph.op(spec.pooling === 'max' ? 'GlobalMaxPool' : 'GlobalAveragePool', [maps]);
  graph.output({ name: output, type: 'float32', shape: [] }, graph.op('Flatten', [one], { axis: 1 }));
  return { parts: prefixed(graph.live(), 'pooled/', [from, output]), output };
}

/** The trained part, which takes a value of that name. */
function renamed(parts: OnnxParts, from: string): OnnxParts {
  const params = parts.constants.map(({ name }) => name).filter((name) => name.includes('/'));
  const own = new Set([...params, EXPORTED.logits, EXPORTED.probabilities]);
  return named(parts, (name) => {
    if (name === EXPORTED.image) return from;
    return own.has(name) ? name : `head/${name}`;
  });
}

/** Values get a word before their names, but for those that others know. */
function prefixed(parts: OnnxParts, prefix: string, known: readonly string[]): OnnxParts {
  return named(parts, (name) => (known.includes(name) ? name : prefix + name));
}

function named(parts: OnnxParts, nameOf: (name: string) => string): OnnxParts {
  const called = (name: string) => (name === '' ? name : nameOf(name));
  return {
    ...parts,
    nodes: parts.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(called),
      outputs: node.outputs.map(called),
    })),
    constants: parts.constants.map(
      (constant): OnnxConstant => ({ ...constant, name: called(constant.name) }),
    ),
  };
}

interface Pieces {
  readonly spec: BackboneSpec;
  readonly frozen: OnnxFile;
  /** Before the frozen part, after it, and the trained one. */
  readonly parts: readonly [OnnxParts, OnnxParts | undefined, OnnxParts];
}

function join({ spec, frozen, parts: [before, between, trained] }: Pieces): Uint8Array {
  const graph = new WireWriter();
  const made = [before, between, trained].filter((part) => part !== undefined);
  for (const node of before.nodes) graph.message(1, nodeProto(node));
  for (const node of frozen.nodes) graph.message(1, frozenNode(node));
  for (const part of made.slice(1)) for (const node of part.nodes) graph.message(1, nodeProto(node));
  graph.string(2, spec.type);
  for (const { name, bytes } of frozen.initializers) {
    // Of a name that is there twice the last one holds (protobuf.dev, "Last one wins").
    const end = new WireWriter().string(TENSOR_NAME, FROZEN + name).finish();
    graph.bytes(5, Buffer.concat([bytes, end]));
  }
  for (const part of made) for (const constant of part.constants) graph.message(5, tensorProto(constant));
  for (const input of before.inputs) graph.message(11, valueInfo(input));
  for (const output of trained.outputs) graph.message(12, valueInfo(output));
  const model = new WireWriter().int(1, Math.max(frozen.irVersion, IR_VERSION)).string(2, 'neuroflare');
  model.message(7, graph).message(8, operatorSet('', frozen.opset));
  const classes = { model: spec.type, ...(spec.classes && { classes: spec.classes.join(',') }) };
  for (const [key, value] of Object.entries(classes))
    model.message(14, new WireWriter().string(1, key).string(2, value));
  return model.finish();
}

/** A node as it is, but for the names of what it takes and gives: all else in it is text or a message. */
function frozenNode(node: OnnxFileNode): WireWriter {
  const proto = new WireWriter();
  const called = (name: string) => (name === '' ? name : FROZEN + name);
  for (const name of node.inputs) proto.string(NODE.input, called(name));
  for (const name of node.outputs) proto.string(NODE.output, called(name));
  for (const { number, bytes } of fieldsOf(node.bytes))
    if (number !== NODE.input && number !== NODE.output) proto.bytes(number, bytes);
  return proto;
}

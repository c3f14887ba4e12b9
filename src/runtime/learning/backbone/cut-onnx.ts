import { flError } from '../../base/errors/errors.ts';
import { reasonOf } from '../../base/errors/reason-of.ts';
import { didYouMean } from '../../base/text/nearest.ts';
import { WireWriter } from '../engine/onnx/wire.ts';
import { type BackboneSpec, takenChannels } from '../models/spec.ts';
import { networkFault } from './network-fault.ts';
import { type OnnxFile, type OnnxFileNode, type OnnxFileValue, readOnnxFile } from './onnx-file.ts';
import { FROZEN_OPERATORS } from './operators.ts';

/** What is frozen of an ONNX file: one picture in, its features out. */
export interface CutOnnx {
  readonly file: OnnxFile;
  readonly nodes: readonly OnnxFileNode[];
  readonly input: OnnxFileValue;
  /** Whether channels come before the sides of a picture. */
  readonly channelsFirst: boolean;
  /** Name of the value that is taken. */
  readonly output: string;
}

const FLOAT32 = 1;
/** Files of older sets come from before 2018; ONNX Runtime knows 21 and the ones before it. */
const OPSETS = { least: 7, most: 21 };
const SHOWN_NAMES = 5;

/**
 * The part of an ONNX file up to the layer that the job names, checked as far as that goes without running it.
 * @throws NF_BACKBONE_FILE, NF_BACKBONE_OPERATOR, NF_BACKBONE_LAYER, NF_BACKBONE_SHAPE
 */
export function cutOnnx(bytes: Uint8Array, spec: BackboneSpec, path: string): CutOnnx {
  const file = readFile(bytes, path);
  const output = outputOf(file, spec, path);
  const nodes = neededFor(output, file);
  requireOperators(nodes, path);
  const held = new Set(nodes.flatMap(({ inputs }) => inputs));
  const external =
    file.initializers.find(({ name, isExternal }) => isExternal && held.has(name)) ??
    nodes.find(({ isExternal }) => isExternal);
  if (external)
    throw networkFault(path, `the weights of '${external.name}' lie in another file (external data)`);
  const inputs = file.inputs.filter(({ name }) => held.has(name));
  const [input] = inputs;
  if (!input || inputs.length > 1) {
    const names = inputs.map(({ name }) => name).join(', ');
    throw networkFault(
      path,
      `its layers up to '${output}' need ${inputs.length} inputs (${names}), and one picture is given`,
    );
  }
  return { file, nodes, input, output, channelsFirst: requirePicture(input, spec, path) };
}

function readFile(bytes: Uint8Array, path: string): OnnxFile {
  try {
    const file = readOnnxFile(bytes);
    const { opset, hasFunctions } = file;
    if (opset < OPSETS.least || opset > OPSETS.most)
      throw new Error(
        `its operators are of set ${opset}, and those of ${OPSETS.least} to ${OPSETS.most} are known`,
      );
    if (hasFunctions) throw new Error('it has functions of its own');
    return file;
  } catch (cause) {
    throw networkFault(path, `it is no usable ONNX file: ${reasonOf(cause)}`, cause);
  }
}

/** The value that the named layer gives: a layer is called by its node, or by what it gives. */
function outputOf({ nodes, outputs }: OnnxFile, { frozen_to: name }: BackboneSpec, path: string): string {
  const last = outputs[0]?.name;
  if (name === undefined) {
    if (last !== undefined) return last;
    throw networkFault(path, 'it has no output');
  }
  const node = nodes.find((one) => one.name === name) ?? nodes.find((one) => one.outputs.includes(name));
  const value = node?.outputs.includes(name) ? name : node?.outputs[0];
  if (value !== undefined) return value;
  const names = nodes.flatMap((one) => [one.name, ...one.outputs]).filter((one) => one !== '');
  const shown = nodes.slice(-SHOWN_NAMES).map((one) => one.name || (one.outputs[0] ?? ''));
  throw flError(
    'NF_BACKBONE_LAYER',
    { name, path, nearest: didYouMean(name, names), known: `its last ones are ${shown.join(', ')}` },
    { place: { key: 'model.frozen_to' } },
  );
}

/** In the order of the file, which is one in which they can be computed. */
function neededFor(output: string, { nodes }: OnnxFile): OnnxFileNode[] {
  const needed = new Set([output]);
  const kept: OnnxFileNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    kept.push(node);
    for (const name of node.inputs) if (name !== '') needed.add(name);
  }
  return kept.reverse();
}

function requireOperators(nodes: readonly OnnxFileNode[], path: string): void {
  const unknown = nodes.find(
    ({ type, domain, holdsGraph }) => domain !== '' || holdsGraph || !FROZEN_OPERATORS.has(type),
  );
  if (!unknown) return;
  const operator = unknown.domain === '' ? unknown.type : `${unknown.domain}.${unknown.type}`;
  const node = unknown.name || (unknown.outputs[0] ?? '');
  throw flError(
    'NF_BACKBONE_OPERATOR',
    { path, node, operator, nearest: didYouMean(unknown.type, FROZEN_OPERATORS) },
    { place: { key: 'model.import' } },
  );
}

/** @returns whether channels come first */
function requirePicture(input: OnnxFileValue, spec: BackboneSpec, path: string): boolean {
  const { element, shape, name } = input;
  const [side, channels] = [spec.image_size, takenChannels(spec)];
  if (element !== FLOAT32) throw networkFault(path, `its input '${name}' does not take float32`);
  if (shape === undefined) return true;
  const fits = (wanted: readonly number[]) =>
    shape.length === 4 && shape.slice(1).every((size, at) => size === undefined || size === wanted[at]);
  if (fits([channels, side, side])) return true;
  if (fits([side, side, channels])) return false;
  const found = shape.map((size) => size ?? 'any').join(' x ');
  throw flError(
    'NF_BACKBONE_SHAPE',
    {
      path,
      problem: `its input '${name}' is ${found}, and the job gives it 1 x ${channels} x ${side} x ${side}`,
    },
    {
      place: { key: Number(shape[1] ?? shape[3]) === channels ? 'model.image_size' : 'model.input_channels' },
    },
  );
}

/** The cut part as a file of its own: what its nodes need, and one output. */
export function encodeCut({ file, nodes, input, output }: CutOnnx): Uint8Array {
  const held = new Set(nodes.flatMap(({ inputs }) => inputs));
  const graph = new WireWriter();
  for (const { bytes } of nodes) graph.bytes(1, bytes);
  graph.string(2, 'frozen');
  for (const { name, bytes } of file.initializers) if (held.has(name)) graph.bytes(5, bytes);
  graph.bytes(11, input.bytes);
  // Its shape is for ONNX Runtime to find.
  graph.message(12, new WireWriter().string(1, output));
  const model = new WireWriter().int(1, file.irVersion).string(2, 'neuroflare').message(7, graph);
  for (const opset of file.opsets) model.bytes(8, opset);
  return model.finish();
}

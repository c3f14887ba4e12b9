import { type Field, fieldsOf, textOf } from '../engine/onnx/fields.ts';

/** Field numbers of onnx.proto. */
const MODEL = { irVersion: 1, graph: 7, opset: 8, functions: 25 };
const OPSET = { domain: 1, version: 2 };
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12, sparse: 15 };
const NODE = { input: 1, output: 2, name: 3, type: 4, attribute: 5, domain: 7 };
const ATTRIBUTE = { tensor: 5, graph: 6, tensors: 10, graphs: 11, sparse: 22, sparses: 23 };
const TENSOR = { name: 8, external: 13, location: 14 };
const VALUE = { name: 1, type: 2 };
const TYPE_TENSOR = 1;
const TENSOR_TYPE = { element: 1, shape: 2 };
const SHAPE_DIM = 1;
const DIM_VALUE = 1;

/** A node, and its message as it stands in the file. */
export interface OnnxFileNode {
  readonly name: string;
  /** Operator. */
  readonly type: string;
  /** Empty for the operators of ONNX itself. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Whether it has graphs of its own, which branch or repeat. */
  readonly holdsGraph: boolean;
  /** Whether a number of its own lies in another file. */
  readonly isExternal: boolean;
  readonly bytes: Uint8Array;
}

export interface OnnxFileValue {
  readonly name: string;
  /** TensorProto.DataType: 1 is float32. */
  readonly element: number;
  /** Undefined for a length that is open; no list where the file does not say it. */
  readonly shape: readonly (number | undefined)[] | undefined;
  readonly bytes: Uint8Array;
}

export interface OnnxFileTensor {
  readonly name: string;
  /** Its values lie in another file. */
  readonly isExternal: boolean;
  readonly bytes: Uint8Array;
}

/** An ONNX file taken apart as far as it must be to cut it; messages stay as they are. */
export interface OnnxFile {
  readonly irVersion: number;
  /** Version of ONNX's own operators. */
  readonly opset: number;
  /** The messages that name the sets of operators. */
  readonly opsets: readonly Uint8Array[];
  readonly hasFunctions: boolean;
  readonly nodes: readonly OnnxFileNode[];
  readonly initializers: readonly OnnxFileTensor[];
  /** Without those that are initializers. */
  readonly inputs: readonly OnnxFileValue[];
  readonly outputs: readonly OnnxFileValue[];
}

/** @throws Error where the bytes are no ONNX file */
export function readOnnxFile(file: Uint8Array): OnnxFile {
  const opsets: Uint8Array[] = [];
  let [irVersion, opset, hasFunctions] = [0, 0, false];
  let graph: Uint8Array | undefined;
  for (const { number, value, bytes } of fieldsOf(file)) {
    if (number === MODEL.irVersion) irVersion = Number(value);
    if (number === MODEL.functions) hasFunctions = true;
    if (number === MODEL.graph) graph = bytes;
    if (number !== MODEL.opset) continue;
    opsets.push(bytes);
    const { domain, version } = readOpset(bytes);
    if (domain === '' || domain === 'ai.onnx') opset = version;
  }
  if (!graph || opset === 0) throw new Error('it has no graph');
  return { irVersion, opset, opsets, hasFunctions, ...readGraph(graph) };
}

function readOpset(message: Uint8Array): { domain: string; version: number } {
  let [domain, version] = ['', 0];
  for (const { number, value, bytes } of fieldsOf(message)) {
    if (number === OPSET.domain) domain = textOf(bytes);
    if (number === OPSET.version) version = Number(value);
  }
  return { domain, version };
}

function readGraph(graph: Uint8Array): Pick<OnnxFile, 'nodes' | 'initializers' | 'inputs' | 'outputs'> {
  const nodes: OnnxFileNode[] = [];
  const initializers: OnnxFileTensor[] = [];
  const inputs: OnnxFileValue[] = [];
  const outputs: OnnxFileValue[] = [];
  for (const { number, bytes } of fieldsOf(graph)) {
    if (number === GRAPH.node) nodes.push(readNode(bytes));
    if (number === GRAPH.initializer) initializers.push(readTensor(bytes));
    if (number === GRAPH.input) inputs.push(readValue(bytes));
    if (number === GRAPH.output) outputs.push(readValue(bytes));
    if (number === GRAPH.sparse) throw new Error('it has sparse weights');
  }
  const held = new Set(initializers.map(({ name }) => name));
  return { nodes, initializers, inputs: inputs.filter(({ name }) => !held.has(name)), outputs };
}

function readNode(message: Uint8Array): OnnxFileNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  let [name, type, domain, holdsGraph, isExternal] = ['', '', '', false, false];
  for (const { number, bytes } of fieldsOf(message)) {
    if (number === NODE.input) inputs.push(textOf(bytes));
    if (number === NODE.output) outputs.push(textOf(bytes));
    if (number === NODE.name) name = textOf(bytes);
    if (number === NODE.type) type = textOf(bytes);
    if (number === NODE.domain) domain = textOf(bytes);
    if (number !== NODE.attribute) continue;
    const attribute = readAttribute(bytes);
    holdsGraph ||= attribute.holdsGraph;
    isExternal ||= attribute.isExternal;
  }
  return {
    name,
    type,
    domain: domain === 'ai.onnx' ? '' : domain,
    inputs,
    outputs,
    holdsGraph,
    isExternal,
    bytes: message,
  };
}

function readAttribute(attribute: Uint8Array): Pick<OnnxFileNode, 'holdsGraph' | 'isExternal'> {
  let [holdsGraph, isExternal] = [false, false];
  for (const { number, bytes } of fieldsOf(attribute)) {
    if (number === ATTRIBUTE.graph || number === ATTRIBUTE.graphs) holdsGraph = true;
    if (number === ATTRIBUTE.sparse || number === ATTRIBUTE.sparses)
      throw new Error('a layer has sparse numbers');
    if (number === ATTRIBUTE.tensor || number === ATTRIBUTE.tensors)
      isExternal ||= readTensor(bytes).isExternal;
  }
  return { holdsGraph, isExternal };
}

function readTensor(message: Uint8Array): OnnxFileTensor {
  let [name, isExternal] = ['', false];
  for (const { number, value, bytes } of fieldsOf(message)) {
    if (number === TENSOR.name) name = textOf(bytes);
    if (number === TENSOR.external) isExternal = true;
    if (number === TENSOR.location) isExternal ||= value !== 0n;
  }
  return { name, isExternal, bytes: message };
}

function readValue(message: Uint8Array): OnnxFileValue {
  let [name, element] = ['', 0];
  let shape: (number | undefined)[] | undefined;
  const within = (outer: Uint8Array, wanted: number): Field[] =>
    [...fieldsOf(outer)].filter(({ number }) => number === wanted);
  for (const { number, bytes } of fieldsOf(message)) {
    if (number === VALUE.name) name = textOf(bytes);
    if (number !== VALUE.type) continue;
    for (const tensor of within(bytes, TYPE_TENSOR)) {
      for (const field of fieldsOf(tensor.bytes)) {
        if (field.number === TENSOR_TYPE.element) element = Number(field.value);
        if (field.number === TENSOR_TYPE.shape)
          shape = within(field.bytes, SHAPE_DIM).map((dim) => lengthOf(dim.bytes));
      }
    }
  }
  return { name, element, shape, bytes: message };
}

function lengthOf(dimension: Uint8Array): number | undefined {
  for (const { number, value } of fieldsOf(dimension)) if (number === DIM_VALUE) return Number(value);
  return undefined;
}

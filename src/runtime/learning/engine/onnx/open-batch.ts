import type { OnnxConstant, OnnxNode, OnnxOpenValue, OnnxParts } from './graph.ts';

/** Name of the axis of examples. */
const BATCH = 'batch';

/**
 * One graph for any number of examples, from the graphs of two numbers of them: what differs between the two is the length of the
 * batch axis. It may differ in the shapes of inputs, outputs and reshapings.
 *
 * @returns nothing where the number of examples decides more than that
 */
export function withOpenBatch(first: OnnxParts, second: OnnxParts): OnnxParts | undefined {
  const constants = new Map(second.constants.map((constant) => [constant.name, constant]));
  const names = pairNames(first, second);
  if (!names) return undefined;
  const reshapings = onlyReshaped(first.nodes);
  const opened: OnnxConstant[] = [];
  for (const constant of first.constants) {
    const other = constants.get(names.get(constant.name) ?? '');
    const merged = other && mergedConstant(constant, other, reshapings.has(constant.name));
    if (!merged) return undefined;
    opened.push(merged);
  }
  return {
    nodes: first.nodes,
    constants: opened,
    inputs: first.inputs.map((input, index) => openValue(input, second.inputs[index])),
    outputs: first.outputs.map((output, index) => openValue(output, second.outputs[index])),
  };
}

/** The same value's name in the second graph; nothing if the graphs are not built alike. */
function pairNames(first: OnnxParts, second: OnnxParts): Map<string, string> | undefined {
  if (first.nodes.length !== second.nodes.length) return undefined;
  const names = new Map<string, string>();
  for (const [index, node] of first.nodes.entries()) {
    const other = second.nodes[index];
    if (!other || !isAlike(node, other)) return undefined;
    for (const ends of ['inputs', 'outputs'] as const) {
      for (const [place, name] of node[ends].entries()) {
        const paired = other[ends][place] ?? '';
        if ((names.get(name) ?? paired) !== paired) return undefined;
        names.set(name, paired);
      }
    }
  }
  return names;
}

function isAlike(a: OnnxNode, b: OnnxNode): boolean {
  const same = JSON.stringify(a.attributes) === JSON.stringify(b.attributes);
  return (
    a.type === b.type && same && a.inputs.length === b.inputs.length && a.outputs.length === b.outputs.length
  );
}

/** Constants that are nothing but the shape of reshapings. */
function onlyReshaped(nodes: readonly OnnxNode[]): Set<string> {
  const shapes = new Set(nodes.flatMap(({ type, inputs }) => (type === 'Reshape' ? (inputs[1] ?? []) : [])));
  for (const { type, inputs } of nodes) {
    for (const [place, name] of inputs.entries()) if (type !== 'Reshape' || place !== 1) shapes.delete(name);
  }
  return shapes;
}

function mergedConstant(a: OnnxConstant, b: OnnxConstant, isShape: boolean): OnnxConstant | undefined {
  if (`${a.type} ${a.shape}` !== `${b.type} ${b.shape}`) return undefined;
  const [values, others] = [[...a.data], [...b.data]];
  const differing = values.flatMap((value, index) => (value === others[index] ? [] : [index]));
  if (differing.length === 0) return a;
  const [place = 0] = differing;
  if (differing.length > 1 || !isShape || !(a.data instanceof BigInt64Array)) return undefined;
  const data = a.data.slice();
  data[place] = -1n; // what is left over
  return { ...a, data };
}

function openValue(value: OnnxOpenValue, other: OnnxOpenValue | undefined): OnnxOpenValue {
  return { ...value, shape: value.shape.map((size, axis) => (size === other?.shape[axis] ? size : BATCH)) };
}

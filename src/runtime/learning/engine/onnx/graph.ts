/** Element types used in graphs, by tfjs's names and int64 for shapes and axes. */
export type OnnxType = 'float32' | 'int32' | 'int64' | 'bool';
export type OnnxData = Float32Array | Int32Array | BigInt64Array | Uint8Array;

/** A bare number is an int attribute, a list of numbers ints. */
export type OnnxAttribute = number | string | readonly number[] | { readonly float: number };
export type OnnxAttributes = Readonly<Record<string, OnnxAttribute>>;

export interface OnnxNode {
  /** Operator; those of other domains are written `com.microsoft.FusedMatMul`. */
  readonly type: string;
  /** Value names; an empty string leaves an optional input out. */
  readonly inputs: readonly string[];
  readonly outputs: string[];
  readonly attributes: OnnxAttributes;
}

export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: readonly number[];
}

export interface OnnxConstant extends OnnxValue {
  readonly data: OnnxData;
}

/** A finished graph. A size may be a name: that of an axis whose length is open. */
export interface OnnxParts {
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxConstant[];
  readonly inputs: readonly OnnxOpenValue[];
  readonly outputs: readonly OnnxOpenValue[];
}

export interface OnnxOpenValue extends Omit<OnnxValue, 'shape'> {
  readonly shape: readonly (number | string)[];
}

/**
 * Builds a graph of pure operators. Asking twice for the same operator on the same values gives the same value, so
 * callers need not remember what they made; nodes that no output needs are left out at the end.
 */
export class OnnxGraph {
  readonly inputs: OnnxValue[] = [];
  readonly outputs: OnnxValue[] = [];
  readonly #constants: OnnxConstant[] = [];
  readonly #nodes: OnnxNode[] = [];
  readonly #known = new Map<string, OnnxNode>();
  readonly #producers = new Map<string, OnnxNode>();
  readonly #constantNames = new Map<string, string>();
  #count = 0;

  input(value: OnnxValue): string {
    this.inputs.push(value);
    return value.name;
  }

  output(value: OnnxValue, from: string): void {
    this.outputs.push(value);
    this.#nodes.push({ type: 'Identity', inputs: [from], outputs: [value.name], attributes: {} });
  }

  constant(type: OnnxType, shape: readonly number[], data: OnnxData): string {
    const key = data.length > 64 ? undefined : `${type}|${shape}|${data.join()}`;
    const known = key === undefined ? undefined : this.#constantNames.get(key);
    if (known !== undefined) return known;
    const name = `c${this.#count++}`;
    this.#constants.push({ name, type, shape: [...shape], data });
    if (key !== undefined) this.#constantNames.set(key, name);
    return name;
  }

  /** A constant under a name of the caller, for readers of the file. */
  initializer(constant: OnnxConstant): string {
    this.#constants.push(constant);
    return constant.name;
  }

  int64s(values: readonly number[]): string {
    return this.constant('int64', [values.length], BigInt64Array.from(values, BigInt));
  }

  /** A float32 of shape []. */
  scalar(value: number): string {
    return this.constant('float32', [], Float32Array.of(value));
  }

  op(type: string, inputs: readonly string[], attributes: OnnxAttributes = {}): string {
    return this.outputOf(this.node(type, inputs, attributes), 0);
  }

  /** The node itself, for operators with several outputs (`outputOf`). */
  node(type: string, inputs: readonly string[], attributes: OnnxAttributes = {}): OnnxNode {
    const key = `${type}|${inputs}|${JSON.stringify(attributes)}`;
    const known = this.#known.get(key);
    if (known) return known;
    const node: OnnxNode = { type, inputs: [...inputs], outputs: [], attributes };
    this.#nodes.push(node);
    this.#known.set(key, node);
    return node;
  }

  /** Names an output of a node; an optional output exists from the first time it is asked for. */
  outputOf(node: OnnxNode, index: number): string {
    while (node.outputs.length <= index) {
      const name = `${node.type.slice(node.type.lastIndexOf('.') + 1)}${this.#count++}`;
      node.outputs.push(name);
      this.#producers.set(name, node);
    }
    return node.outputs[index] ?? '';
  }

  /** The node if it was asked for before; makes none. */
  find(type: string, inputs: readonly string[], attributes: OnnxAttributes = {}): OnnxNode | undefined {
    return this.#known.get(`${type}|${inputs}|${JSON.stringify(attributes)}`);
  }

  producer(name: string): OnnxNode | undefined {
    return this.#producers.get(name);
  }

  /** The whole numbers that a list of shapes or axes holds; undefined for another value. */
  listOf(name: string): number[] | undefined {
    const constant = this.#constants.find((one) => one.name === name && one.type === 'int64');
    return constant && Array.from(constant.data, Number);
  }

  /** Whether a value is one number that never changes. */
  isNumber(name: string): boolean {
    return this.#constants.some((one) => one.name === name && one.data.length === 1);
  }

  /** What the outputs need, in an order that can be computed. */
  live(): OnnxParts {
    const needed = new Set(this.outputs.map((output) => output.name));
    const nodes: OnnxNode[] = [];
    for (const node of this.#nodes.toReversed()) {
      if (!node.outputs.some((output) => needed.has(output))) continue;
      nodes.push(node);
      for (const input of node.inputs) needed.add(input);
    }
    return {
      nodes: nodes.reverse(),
      constants: this.#constants.filter((constant) => needed.has(constant.name)),
      inputs: this.inputs.filter((input) => needed.has(input.name)),
      outputs: this.outputs,
    };
  }
}

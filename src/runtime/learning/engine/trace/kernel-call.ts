import { flError } from '../../../base/errors/errors.ts';
import type { OnnxGraph } from '../onnx/graph.ts';
import type { SymbolicTensor } from './symbolic.ts';

/** Facts about values that let a later kernel be computed more cheaply, by value name. */
export interface TraceNotes {
  /** Sums over the examples of a batch: to what gives them unit by unit. */
  readonly sums: Map<string, SumOverUnits>;
  /** Masks of the form value > 0: to the value they were made from. */
  readonly masks: Map<string, string>;
  /** Results of max un-pooling. */
  readonly unpoolings: Map<string, Unpooling>;
  /** Products of two: to the factors, both in the product's axis order. */
  readonly products: Map<string, readonly [SymbolicTensor, SymbolicTensor]>;
}

/** A sum over a batch. */
export interface SumOverUnits {
  /** Of the sum. */
  readonly shape: readonly number[];
  /**
   * What was added up, for each unit apart: [units, numbers of the sum], these as they lie in the sum. A unit is a run of rows. Undefined
   * where the batch does not fall into so many units.
   */
  readonly each: (units: number) => string | undefined;
}

export interface Unpooling {
  /** The pooling's input, its output, and the gradient that arrives at the output; all channels first. */
  readonly input: string;
  readonly pooled: string;
  readonly gradient: string;
  /** The gradient at the pooling's input, for another gradient at its output. */
  readonly unpool: (gradient: string) => string;
}

/** One tfjs kernel call, to be expressed in the graph. */
export class KernelCall {
  readonly kernel: string;
  readonly graph: OnnxGraph;
  readonly notes: TraceNotes;
  /** No gradient will be asked for. */
  readonly forInference: boolean;
  readonly #inputs: Readonly<Record<string, SymbolicTensor | undefined>>;
  readonly #attributes: Readonly<Record<string, unknown>>;
  readonly #where: string;

  constructor(fields: {
    kernel: string;
    graph: OnnxGraph;
    notes: TraceNotes;
    forInference: boolean;
    inputs: Record<string, SymbolicTensor | undefined>;
    attributes: Record<string, unknown>;
    where: string;
  }) {
    this.kernel = fields.kernel;
    this.graph = fields.graph;
    this.notes = fields.notes;
    this.forInference = fields.forInference;
    this.#inputs = fields.inputs;
    this.#attributes = fields.attributes;
    this.#where = fields.where;
  }

  input(name: string): SymbolicTensor {
    const tensor = this.#inputs[name];
    if (!tensor) throw new Error(`Kernel ${this.kernel} came without its input '${name}'`);
    return tensor;
  }

  optionalInput(name: string): SymbolicTensor | undefined {
    return this.#inputs[name];
  }

  /** Inputs of kernels that take a list of tensors, in order. */
  get inputList(): SymbolicTensor[] {
    return Object.values(this.#inputs).filter((tensor) => tensor !== undefined);
  }

  /** The kernel's attributes as tfjs-core's interface for it (`Conv2DAttrs` and so on). */
  attributes<Attributes>(): Attributes {
    return this.#attributes as Attributes;
  }

  /** Refuses what the mapping does not cover: `throw call.unsupported('dilations in pooling')`. */
  unsupported(variant: string): Error {
    return flError('NF_ENGINE_KERNEL_VARIANT', { kernel: this.kernel, variant, where: this.#where });
  }
}

export type KernelMapping = (call: KernelCall) => SymbolicTensor | SymbolicTensor[];
export type KernelMappings = Readonly<Record<string, KernelMapping>>;

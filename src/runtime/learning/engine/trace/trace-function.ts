import { engine, type Tensor, tensor, tidy, type Variable } from '@tensorflow/tfjs-core';
import { flError } from '../../../base/errors/errors.ts';
import { elementCount } from '../../../base/tensors/nd-array.ts';
import { type NoiseRequest, withNoise } from '../noise.ts';
import { encodeModel } from '../onnx/encode.ts';
import { type OptimizerRate, withRates } from './optimizer-rates.ts';
import { ownData } from './own-data.ts';
import { Recorder } from './recorder.ts';
import { identityOrder, materialize, type SymbolicTensor, type SymbolicType, whole } from './symbolic.ts';
import { tracingLayers } from './tracing-layers.ts';

/** What a step may give back; the tensors in it become tensors of the caller. */
export type StepResult = Tensor | null | undefined | readonly Tensor[] | Readonly<Record<string, Tensor>>;
export type StepFunction = (...inputs: Tensor[]) => StepResult;

export interface TensorForm {
  readonly shape: readonly number[];
  readonly dtype: SymbolicType;
}

/** A variable that a step reads, under the names that the graph has for it. */
export interface StepVariable {
  readonly variable: Variable;
  readonly input: string;
  /** Absent where the step leaves the variable as it is. */
  readonly output?: string;
}

export interface TracedFunction {
  /** An ONNX file. */
  readonly bytes: Uint8Array;
  readonly variables: readonly StepVariable[];
  readonly noise: readonly NoiseRequest[];
  readonly rates: readonly OptimizerRate[];
  readonly results: readonly TensorForm[];
  /** Puts tensors in the order of `results` into what the function gave back. */
  readonly arrange: (tensors: Tensor[]) => StepResult;
}

/** Names of a traced function's inputs and outputs. */
export const FUNCTION = {
  input: (index: number) => `input_${index}`,
  variable: (index: number) => `variable_${index}`,
  noise: (index: number) => `noise_${index}`,
  result: (index: number) => `result_${index}`,
  next: (name: string) => `next_${name}`,
} as const;

/**
 * The graph of a function of tensors in plain TensorFlow.js, such as `() => optimizer.minimize(lossFunction, true)`.
 * Variables that it reads become inputs, those that it assigns outputs too; learning rates of tfjs's optimizers are
 * inputs. What an optimizer makes in its first step (its slots) is made, and the step traced again. All else that the
 * function takes from around it is a constant of the graph.
 *
 * @throws NF_ENGINE_KERNEL_*, NF_ENGINE_VALUE_READ, NF_ENGINE_RANDOM_UNSEEDED, NF_ENGINE_FUNCTION_*
 */
export function traceFunction(work: StepFunction, inputs: readonly TensorForm[]): TracedFunction {
  const first = traceOnce(work, inputs);
  if (first.created === 0) return first.traced;
  const second = traceOnce(work, inputs);
  if (second.created > 0) throw flError('NF_ENGINE_FUNCTION_VARIABLES', { count: second.created });
  return second.traced;
}

function traceOnce(work: StepFunction, forms: readonly TensorForm[]) {
  const recorder = new Recorder();
  ownData(registered());
  const known = new Map(registered().map((variable) => [variable.dataId, variable]));
  const read = new Map<Variable, string>();
  recorder.origin = ({ dataId }) => {
    const variable = known.get(dataId);
    if (!variable) return undefined;
    const name = FUNCTION.variable(read.size);
    read.set(variable, name);
    return inputOf(recorder, name, { shape: variable.shape, dtype: variable.dtype as SymbolicType });
  };
  const before = new Map(
    registered().map((variable) => [variable, { dataId: variable.dataId, value: variable.clone() }]),
  );
  const created = new Map<Variable, SymbolicTensor>();
  try {
    const traced = record(recorder, { work, forms, read, before, created });
    for (const [{ name }, { values }] of created) {
      if (values?.length !== 1) throw flError('NF_ENGINE_FUNCTION_VARIABLE_VALUE', { name });
    }
    return { traced, created: created.size };
  } finally {
    restore(before, created);
  }
}

interface Recording {
  readonly work: StepFunction;
  readonly forms: readonly TensorForm[];
  readonly read: ReadonlyMap<Variable, string>;
  readonly before: ReadonlyMap<Variable, { dataId: object }>;
  readonly created: Map<Variable, SymbolicTensor>;
}

function record(recorder: Recorder, { work, forms, read, before, created }: Recording): TracedFunction {
  const noise: NoiseRequest[] = [];
  const source = (request: NoiseRequest) => {
    noise.push(request);
    const form = { shape: request.shape, dtype: 'float32' } as const;
    return recorder.tensor(inputOf(recorder, FUNCTION.noise(noise.length - 1), form));
  };
  let ran: Ran | undefined;
  const named = () =>
    tracingLayers(
      recorder,
      () => {
        ran = run(recorder, { work, forms, created });
      },
      ({ name }) => name,
    );
  const { rates } = withRates(recorder, () => recorder.record(() => tidy(() => withNoise(source, named))));
  const { tensors = [], arrange = () => undefined } = ran ?? {};
  const results = tensors.map((tensor, index) => output(recorder, FUNCTION.result(index), tensor));
  const variables = [...before].flatMap(([variable, { dataId }], index): StepVariable[] => {
    const input = read.get(variable);
    if (variable.dataId === dataId) return input === undefined ? [] : [{ variable, input }];
    const name = input ?? FUNCTION.variable(before.size + index);
    output(recorder, FUNCTION.next(name), recorder.symbolic(variable));
    return [{ variable, input: name, output: FUNCTION.next(name) }];
  });
  return { bytes: encodeModel(recorder.graph.live()), variables, noise, rates, results, arrange };
}

interface Ran {
  readonly tensors: readonly SymbolicTensor[];
  readonly arrange: (tensors: Tensor[]) => StepResult;
}

function run(
  recorder: Recorder,
  { work, forms, created }: Pick<Recording, 'work' | 'forms' | 'created'>,
): Ran {
  const inputs = forms.map((form, index) => recorder.tensor(inputOf(recorder, FUNCTION.input(index), form)));
  const result = noticingVariables(
    (variable) => created.set(variable, recorder.symbolic(variable)),
    () => work(...inputs),
  );
  const { tensors, arrange } = flatten(result);
  return { tensors: tensors.map((given) => recorder.symbolic(given)), arrange };
}

/** Takes apart what a function gave back. */
export function flatten(result: unknown): { tensors: Tensor[]; arrange: (tensors: Tensor[]) => StepResult } {
  if (result instanceof Promise) throw flError('NF_ENGINE_FUNCTION_ASYNC');
  if (result === null || result === undefined) return { tensors: [], arrange: () => result };
  if (isTensor(result)) return { tensors: [result], arrange: ([only]) => only };
  const entries = Object.entries(result);
  const wrong = entries.find(([, value]) => !isTensor(value));
  if (typeof result !== 'object' || wrong) {
    throw flError('NF_ENGINE_FUNCTION_RESULT', {
      found: wrong ? `${wrong[0]}: ${typeof wrong[1]}` : typeof result,
    });
  }
  const names = entries.map(([name]) => name);
  const arrange = (tensors: Tensor[]) =>
    Array.isArray(result)
      ? tensors
      : Object.fromEntries(names.flatMap((name, index) => (tensors[index] ? [[name, tensors[index]]] : [])));
  return { tensors: entries.map(([, value]) => value as Tensor), arrange };
}

function isTensor(value: unknown): value is Tensor {
  return typeof value === 'object' && value !== null && 'dataId' in value && 'shape' in value;
}

function inputOf(recorder: Recorder, name: string, { shape, dtype }: TensorForm): SymbolicTensor {
  recorder.graph.input({ name, type: dtype, shape });
  return { ...whole(name, shape), dtype };
}

function output(recorder: Recorder, name: string, symbolic: SymbolicTensor): TensorForm {
  const value = materialize(recorder.graph, symbolic, identityOrder(symbolic.shape.length));
  const { shape, dtype } = symbolic;
  recorder.graph.output({ name, type: dtype, shape }, value);
  return { shape, dtype };
}

function registered(): Variable[] {
  return Object.values(engine().registeredVariables);
}

/** Tells of each variable that is made while work runs. */
function noticingVariables<T>(tell: (variable: Variable) => void, work: () => T): T {
  const host = engine();
  const make = host.makeVariable;
  host.makeVariable = (...args) => {
    const variable = make.apply(host, args);
    tell(variable);
    return variable;
  };
  try {
    return work();
  } finally {
    host.makeVariable = make;
  }
}

/** Variables get back what they held; those that the step made get what they were made with. */
function restore(
  before: ReadonlyMap<Variable, { dataId: object; value: Tensor }>,
  created: ReadonlyMap<Variable, SymbolicTensor>,
): void {
  for (const [variable, { dataId, value }] of before) {
    if (variable.dataId !== dataId) variable.assign(value);
    value.dispose();
  }
  const computed = [...created].filter(([, { values }]) => values?.length !== 1);
  for (const [variable] of computed) variable.dispose();
  for (const [variable, { values, shape, dtype }] of created) {
    if (values?.length !== 1) continue;
    const data = Array.from({ length: elementCount(shape) }, () => Number(values[0]));
    const start = tensor(data, [...shape], dtype);
    variable.assign(start);
    start.dispose();
  }
}

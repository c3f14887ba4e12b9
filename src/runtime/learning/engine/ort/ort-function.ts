import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import type { OnnxValue, Tensor as OrtTensor } from 'onnxruntime-common';
import { flError } from '../../../base/errors/errors.ts';
import { deriveSeed } from '../../../base/random.ts';
import type { CompiledFunction, FunctionOptions } from '../engine.ts';
import { noiseValues } from '../noise.ts';
import { rateOf } from '../trace/optimizer-rates.ts';
import type { SymbolicType } from '../trace/symbolic.ts';
import {
  FUNCTION,
  type StepFunction,
  type StepResult,
  type TensorForm,
  type TracedFunction,
  traceFunction,
} from '../trace/trace-function.ts';
import type { OrtRuntime } from './runtime.ts';
import { leaseSession, type SessionLease } from './session-cache.ts';

type Compiled = TracedFunction & SessionLease;
type Data = Float32Array | Int32Array | Uint8Array;

/** Compiles a function: a graph for each combination of input shapes, variables read and written at every call. */
export function ortFunction(
  runtime: OrtRuntime,
  work: StepFunction,
  { seed = 0 }: FunctionOptions,
): CompiledFunction {
  const graphs = new Map<string, Promise<Compiled>>();
  let disposed = false;
  let calls = 0;
  let last: Promise<unknown> = Promise.resolve();

  const graphFor = (forms: readonly TensorForm[]): Promise<Compiled> => {
    const key = forms.map(({ shape, dtype }) => `${dtype}[${shape}]`).join();
    const known = graphs.get(key);
    if (known) return known;
    const compiled = compile(runtime, work, forms);
    graphs.set(key, compiled);
    compiled.catch(() => graphs.delete(key));
    return compiled;
  };
  const call = async (inputs: readonly Tensor[]): Promise<StepResult> => {
    if (disposed) throw flError('NF_ENGINE_DISPOSED');
    const graph = await graphFor(inputs.map(formOf));
    return runGraph(runtime, graph, { inputs, seed: deriveSeed('function', seed, calls++) });
  };
  /** Calls go one after the other: each reads the variables that the one before has written. */
  const inTurn = (...inputs: Tensor[]) => {
    const turn = last.then(
      () => call(inputs),
      () => call(inputs),
    );
    last = turn;
    return turn;
  };
  return Object.assign(inTurn, {
    graphCount: () => graphs.size,
    dispose: () => {
      disposed = true;
      for (const graph of graphs.values()) {
        graph.then(
          ({ release }) => release(),
          () => undefined, // the failure was the caller's when it arose
        );
      }
      graphs.clear();
    },
  });
}

/** For a function without effect, of which no graph can be made. */
const NOTHING: SessionLease = {
  session: { inputNames: [], run: async () => ({}), release: async () => undefined },
  release: () => undefined,
};

async function compile(
  runtime: OrtRuntime,
  work: StepFunction,
  forms: readonly TensorForm[],
): Promise<Compiled> {
  const traced = traceFunction(work, forms);
  const gives = traced.results.length > 0 || traced.variables.some(({ output }) => output !== undefined);
  if (!gives) return { ...traced, ...NOTHING };
  return { ...traced, ...(await leaseSession(runtime, traced.bytes)) };
}

function formOf({ shape, dtype }: Tensor, index: number): TensorForm {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return { shape, dtype };
  throw flError('NF_ENGINE_FUNCTION_INPUT', { index, reason: `its type is ${dtype}.` });
}

async function runGraph(
  runtime: OrtRuntime,
  graph: Compiled,
  { inputs, seed }: { inputs: readonly Tensor[]; seed: number },
): Promise<StepResult> {
  const { session, variables, noise, rates, results, arrange } = graph;
  const wanted = new Set(session.inputNames);
  const feeds: Record<string, OrtTensor> = {};
  const feed = (name: string, dtype: SymbolicType, make: () => { data: Data; shape: readonly number[] }) => {
    if (!wanted.has(name)) return;
    const { data, shape } = make();
    // tfjs's cpu backend may hold numbers of one type in an array of another.
    const Typed = { float32: Float32Array, int32: Int32Array, bool: Uint8Array }[dtype];
    const typed = data instanceof Typed ? data : Typed.from(data);
    feeds[name] = new runtime.Tensor(dtype as 'float32', typed as Float32Array, shape);
  };
  inputs.forEach((input, index) => {
    feed(FUNCTION.input(index), formOf(input, index).dtype, () => ({
      data: input.dataSync(),
      shape: input.shape,
    }));
  });
  for (const { variable, input } of variables) {
    feed(input, variable.dtype as SymbolicType, () => ({ data: variable.dataSync(), shape: variable.shape }));
  }
  noise.forEach((request, index) => {
    const make = () => ({ data: noiseValues(request, seed, index), shape: request.shape });
    feed(FUNCTION.noise(index), 'float32', make);
  });
  for (const { input, optimizer } of rates) {
    feed(input, 'float32', () => ({ data: Float32Array.of(rateOf(optimizer)), shape: [] }));
  }
  const given = await session.run(feeds);
  for (const { variable, output } of variables) {
    if (output !== undefined) assign(variable, given[output]);
  }
  for (const { optimizer } of rates) Reflect.set(optimizer, 'iterations_', optimizer.iterations + 1);
  return arrange(
    results.map(({ shape, dtype }, index) =>
      tensor(dataOf(given[FUNCTION.result(index)]), [...shape], dtype),
    ),
  );
}

function assign(variable: TracedFunction['variables'][number]['variable'], value: OnnxValue | undefined) {
  const next = tensor(dataOf(value), variable.shape, variable.dtype);
  variable.assign(next);
  next.dispose();
}

function dataOf(value: OnnxValue | undefined): Float32Array {
  if (!value || !('data' in value)) throw new Error('ONNX Runtime left a result out');
  return value.data as Float32Array;
}

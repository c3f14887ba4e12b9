import { type Tensor, variableGrads, zerosLike } from '@tensorflow/tfjs-core';
import { elementCount } from '../../../base/tensors/nd-array.ts';
import { withNoise } from '../noise.ts';
import type { Objective } from '../objective.ts';
import { encodeModel } from '../onnx/encode.ts';
import type { OnnxGraph } from '../onnx/graph.ts';
import type { Optimizer } from '../optimizer.ts';
import type { Parameter } from '../parameters.ts';
import { Recorder } from './recorder.ts';
import { identityOrder, materialize } from './symbolic.ts';
import {
  bindParameters,
  input,
  joined,
  noiseInputs,
  output,
  STEP,
  type TracedGraph,
  type TraceSubject,
  traced,
  traceUpdate,
  trainable,
} from './trace-model.ts';
import { squaresOf, UndoneSums } from './undo-sums.ts';

/** Names of what the gradient of units has beside a step's inputs. */
export const UNITS = {
  /** Longest gradient of a unit, in the L2 norm. */
  clip: 'clip',
  /** Steps of the grid in that length. */
  grid: 'grid',
  /** The sum of all clipped gradients in steps of the grid: whole numbers. */
  gradient: 'gradient',
  /** Before clipping, [units, 1]. */
  norms: 'norms',
} as const;

/** What stands in the way of taking a sum apart. */
export class NoSum extends Error {
  readonly parameter: string;
  constructor(parameter: string) {
    super(`the gradient of ${parameter} is no sum over the examples`);
    this.parameter = parameter;
  }
}

export interface UnitRules {
  readonly objective: Objective;
  /** Units in a batch; its rows are divided among them in order. */
  readonly units: number;
}

/**
 * The graph of the gradients of units: each clipped, rounded to a grid and added up. With one unit the sum is its gradient, and nothing has
 * to be known of how it came about.
 * @throws NoSum
 */
export function traceUnitGradient(subject: TraceSubject, { objective, units }: UnitRules): TracedGraph {
  const recorder = new Recorder();
  const { graph } = recorder;
  const { noise, source } = noiseInputs(recorder);
  traced(recorder, subject, () => {
    const { model, rows, shape } = subject;
    const batch = {
      x: input(recorder, STEP.x, [rows, ...shape.input]),
      y: input(recorder, STEP.y, [rows, ...shape.output]),
      weights: input(recorder, STEP.exampleWeights, [rows]),
    };
    bindParameters(recorder, subject.parameters);
    for (const name of [UNITS.clip, UNITS.grid]) graph.input({ name, type: 'float32', shape: [] });
    const parameters = trainable(subject.parameters);
    const variables = parameters.map(({ variable }) => variable);
    const { value, grads } = variableGrads(() => withNoise(source, () => objective(model, batch)), variables);
    output(recorder, STEP.loss, value);
    const gradients = parameters.map((parameter) => ({
      parameter,
      gradient: grads[parameter.variable.name],
    }));
    const size = variables.reduce((sum, variable) => sum + variable.size, 0);
    const { norms, sum } =
      units === 1 ? ofOneUnit(recorder, gradients, size) : ofUnits(recorder, gradients, units);
    graph.output({ name: UNITS.norms, type: 'float32', shape: [units, 1] }, norms);
    graph.output({ name: UNITS.gradient, type: 'float32', shape: [size] }, sum);
  });
  return { bytes: encodeModel(graph.live()), noise };
}

interface Gradient {
  readonly parameter: Parameter;
  /** Undefined where the loss does not depend on it. */
  readonly gradient: Tensor | undefined;
}

/** What a gradient is multiplied by: grid steps of what is left of it. */
function factorOf(graph: OnnxGraph, norms: string): string {
  return graph.op('Div', [UNITS.grid, graph.op('Max', [norms, UNITS.clip])]);
}

function ofOneUnit(recorder: Recorder, gradients: readonly Gradient[], size: number) {
  const { graph } = recorder;
  const all = joined(gradients.map(({ parameter, gradient }) => gradient ?? zerosLike(parameter.variable)));
  const each = graph.op('Reshape', [
    materialize(graph, recorder.symbolic(all), identityOrder(1)),
    graph.int64s([1, size]),
  ]);
  const norms = graph.op('Sqrt', [squaresOf(graph, each, { units: 1, size })]);
  const rounded = graph.op('Round', [graph.op('Mul', [each, factorOf(graph, norms)])]);
  return { norms, sum: graph.op('Reshape', [rounded, graph.int64s([size])]) };
}

function ofUnits(recorder: Recorder, gradients: readonly Gradient[], units: number) {
  const { graph } = recorder;
  const sums = new UndoneSums(graph, recorder.notes.sums, units);
  const ways = gradients.map(({ parameter, gradient }) => {
    if (!gradient) return undefined;
    const symbolic = recorder.symbolic(gradient);
    const way = sums.wayTo(materialize(graph, symbolic, identityOrder(symbolic.shape.length)));
    if (way) return way;
    throw new NoSum(parameter.name);
  });
  const norms = sums.norms(ways.filter((way) => way !== undefined));
  const factor = factorOf(graph, norms);
  const pieces = ways.map((way, at) => {
    const size = elementCount(gradients[at]?.parameter.shape ?? []);
    if (!way) return graph.op('Expand', [graph.scalar(0), graph.int64s([size])]);
    return graph.op('Reshape', [sums.rounded(way, factor), graph.int64s([size])]);
  });
  return { norms, sum: graph.op('Concat', pieces, { axis: 0 }) };
}

/** The graph of an optimizer's step by a gradient that comes from outside. */
export function traceApply(subject: TraceSubject, optimizer: Optimizer): TracedGraph {
  const recorder = new Recorder();
  const count = (isMeant: (parameter: Parameter) => boolean) =>
    subject.parameters.filter(isMeant).reduce((sum, { shape }) => sum + elementCount(shape), 0);
  traced(recorder, subject, () => {
    const size = count((parameter) => parameter.trainable);
    const weights = input(recorder, STEP.weights, [size]);
    traceUpdate(recorder, optimizer, { weights, gradient: input(recorder, UNITS.gradient, [size]) });
    const frozen = count((parameter) => !parameter.trainable);
    if (frozen > 0) output(recorder, STEP.next(STEP.frozen), input(recorder, STEP.frozen, [frozen]));
  });
  return { bytes: encodeModel(recorder.graph.live()), noise: [] };
}

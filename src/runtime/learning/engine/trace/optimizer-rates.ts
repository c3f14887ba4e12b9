import {
  AdadeltaOptimizer,
  AdagradOptimizer,
  AdamaxOptimizer,
  AdamOptimizer,
  MomentumOptimizer,
  type Optimizer,
  RMSPropOptimizer,
  SGDOptimizer,
} from '@tensorflow/tfjs-core';
import type { Recorder } from './recorder.ts';
import { whole } from './symbolic.ts';

/** An optimizer whose learning rate is an input of the graph. */
export interface OptimizerRate {
  readonly input: string;
  readonly optimizer: Optimizer;
}

const CLASSES = [
  ...[SGDOptimizer, MomentumOptimizer, RMSPropOptimizer, AdamOptimizer],
  ...[AdamaxOptimizer, AdagradOptimizer, AdadeltaOptimizer],
];

/**
 * tfjs's optimizers hold their learning rate as a number, which a trace would make a constant. So each one that is used gets a
 * number of its own that nothing else has, and where that number, or minus it, comes up as a constant, stands an input.
 */
export function withRates<T>(
  recorder: Recorder,
  work: () => T,
): { result: T; rates: readonly OptimizerRate[] } {
  const rates: OptimizerRate[] = [];
  const restored: (() => void)[] = [];
  const marks = new Map<number, string>();
  recorder.scalarInput = (value) => {
    const input = marks.get(value) ?? marks.get(-value);
    if (input === undefined) return undefined;
    return whole(marks.has(value) ? input : recorder.graph.op('Neg', [input]), []);
  };
  const note = (optimizer: Optimizer) => {
    if (rates.some((rate) => rate.optimizer === optimizer)) return;
    const input = `learning_rate_${rates.length}`;
    const mark = Math.fround(1.2345678e-3 + rates.length * 9.87654e-6);
    recorder.graph.input({ name: input, type: 'float32', shape: [] });
    marks.set(mark, input);
    rates.push({ input, optimizer });
    const [own, steps] = [rateOf(optimizer), optimizer.iterations];
    setRate(optimizer, mark);
    restored.push(() => {
      setRate(optimizer, own);
      Reflect.set(optimizer, 'iterations_', steps);
    });
  };
  try {
    return { result: noticing(note, work), rates };
  } finally {
    for (const restore of restored) restore();
  }
}

export function rateOf(optimizer: Optimizer): number {
  return Number(Reflect.get(optimizer, 'learningRate'));
}

function setRate(optimizer: Optimizer, rate: number): void {
  // tfjs's optimizers are instances of one another by their own rule, so the class says nothing.
  if ('setLearningRate' in optimizer) (optimizer as SGDOptimizer).setLearningRate(rate);
  else Reflect.set(optimizer, 'learningRate', rate);
}

/** Tells of each optimizer before it applies gradients. */
function noticing<T>(tell: (optimizer: Optimizer) => void, work: () => T): T {
  const prototypes: Optimizer[] = CLASSES.map(({ prototype }) => prototype);
  const own = prototypes.map((prototype) => prototype.applyGradients);
  for (const prototype of prototypes) {
    const { applyGradients } = prototype;
    prototype.applyGradients = function noticed(this: Optimizer, gradients) {
      tell(this);
      applyGradients.call(this, gradients);
    };
  }
  try {
    return work();
  } finally {
    prototypes.forEach((prototype, index) => {
      const method = own[index];
      if (method) prototype.applyGradients = method;
    });
  }
}

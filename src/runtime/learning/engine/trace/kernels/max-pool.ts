import { elementCount } from '../../../../base/tensors/nd-array.ts';
import type { OnnxGraph } from '../../onnx/graph.ts';
import type { KernelCall, KernelMappings } from '../kernel-call.ts';
import type { SymbolicTensor } from '../symbolic.ts';
import {
  images,
  imagesOf,
  inputShape,
  outputShape,
  poolWindow,
  tilesImage,
  type Window,
  windowAttributes,
} from './window.ts';

/** Maximum pooling of images and of volumes. Of equal maxima the first in row-major order gets the gradient, as in tfjs and PyTorch. */
function maxPool(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const x = call.input('x');
  const window = poolWindow(call, x.shape);
  const source = images(graph, x);
  const node =
    halves(window) && !call.forInference
      ? halved(graph, source, window).pooled
      : graph.op('MaxPool', [source], windowAttributes(window));
  return imagesOf(node, outputShape(window));
}

function maxPoolGradient(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const input = call.input('input');
  const window = poolWindow(call, input.shape);
  const source = images(graph, input);
  const unpooling = halves(window) ? halved(graph, source, window) : indexed(graph, source, window);
  const gradient = images(graph, call.input('dy'));
  const node = unpooling.unpool(gradient);
  call.notes.unpoolings.set(node, { ...unpooling, input: source, gradient });
  return imagesOf(node, inputShape(window));
}

interface Pooling {
  readonly pooled: string;
  /** The gradient at the pooling's input, for one at its output. */
  readonly unpool: (gradient: string) => string;
}

function halves(window: Window): boolean {
  const pairs = window.filter.every((size) => size === 2) && window.input.every((size) => size % 2 === 0);
  return pairs && tilesImage(window);
}

/**
 * Windows of 2 by 2 (by 2) that tile the image, axis by axis from the last: two halves, and the larger of each pair. ONNX
 * Runtime's operator that remembers the places of maxima takes four times as long, and on a GPU does not remember them.
 */
function halved(graph: OnnxGraph, source: string, { batch, inChannels, input }: Window): Pooling {
  const shape = [batch, inChannels, ...input];
  let value = source;
  const backwards: ((gradient: string) => string)[] = [];
  for (let axis = shape.length - 1; axis >= 2; axis--) {
    shape[axis] = (shape[axis] ?? 2) / 2;
    const paired = shape.toSpliced(axis + 1, 0, 2);
    const split = graph.node(
      'Split',
      [graph.op('Reshape', [value, graph.int64s(paired)]), graph.int64s([1, 1])],
      {
        axis: axis + 1,
      },
    );
    const [first, second] = [graph.outputOf(split, 0), graph.outputOf(split, 1)];
    const single = graph.int64s(shape.toSpliced(axis + 1, 0, 1));
    value = graph.op('Max', [first, second]);
    backwards.unshift((gradient) => {
      const wins = graph.op('Cast', [graph.op('GreaterOrEqual', [first, second])], { to: FLOAT });
      const whole = graph.op('Reshape', [gradient, single]);
      const toFirst = graph.op('Mul', [whole, wins]);
      return graph.op('Concat', [toFirst, graph.op('Sub', [whole, toFirst])], { axis: axis + 1 });
    });
  }
  const flat = (node: string, sizes: readonly number[]) => graph.op('Reshape', [node, graph.int64s(sizes)]);
  return {
    pooled: flat(value, shape),
    unpool: (gradient) =>
      flat(
        backwards.reduce((part, back) => back(part), gradient),
        [batch, inChannels, ...input],
      ),
  };
}

/** TensorProto.DataType of float32. */
const FLOAT = 1;

/** Any windows, by the places of the maxima; where windows overlap, gradients add up. */
function indexed(graph: OnnxGraph, source: string, window: Window): Pooling {
  const pooling = graph.node('MaxPool', [source], windowAttributes(window));
  const [pooled, places] = [graph.outputOf(pooling, 0), graph.outputOf(pooling, 1)];
  const { kernel_shape, strides } = windowAttributes(window);
  const shape = [window.batch, window.inChannels, ...window.input];
  const unpool = (gradient: string) => {
    if (tilesImage(window) && window.input.length === 2) {
      return graph.op('MaxUnpool', [gradient, places, graph.int64s(shape)], { kernel_shape, strides });
    }
    const flat = [places, gradient].map((value) => graph.op('Reshape', [value, graph.int64s([-1])]));
    const zeros = graph.op('Expand', [graph.scalar(0), graph.int64s([elementCount(shape)])]);
    const sums = graph.op('ScatterElements', [zeros, ...flat], { axis: 0, reduction: 'add' });
    return graph.op('Reshape', [sums, graph.int64s(shape)]);
  };
  return { pooled, unpool };
}

export const MAX_POOL: KernelMappings = {
  MaxPool: maxPool,
  MaxPool3D: maxPool,
  MaxPool3DGrad: maxPoolGradient,
  MaxPoolGrad: maxPoolGradient,
};

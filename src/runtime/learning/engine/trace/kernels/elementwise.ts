import { backend_util } from '@tensorflow/tfjs-core';
import type { OnnxAttributes, OnnxGraph } from '../../onnx/graph.ts';
import type { KernelCall, KernelMapping, KernelMappings } from '../kernel-call.ts';
import {
  commonOrder,
  type SymbolicTensor,
  type SymbolicType,
  sameList,
  toOrder,
  toRank,
} from '../symbolic.ts';
import { affine } from './products.ts';

/** Maps x to op(x), element by element. */
function unary(type: string, attributes: OnnxAttributes = {}) {
  return (call: KernelCall) =>
    derived(call.input('x'), call.graph.op(type, [call.input('x').node], attributes));
}

/** Another value with the same shape, type and layout. */
function derived(x: SymbolicTensor, node: string): SymbolicTensor {
  const { values: _, ...rest } = x;
  return { ...rest, node };
}

interface Elementwise {
  readonly type: string;
  readonly operands: readonly SymbolicTensor[];
  readonly dtype: SymbolicType;
}

/** An elementwise operator with broadcasting, computed in the axis order of its largest operand. */
export function elementwise(graph: OnnxGraph, { type, operands, dtype }: Elementwise): SymbolicTensor {
  const shape = operands
    .map((operand) => [...operand.shape])
    .reduce((a, b) => backend_util.assertAndGetBroadcastShape(a, b));
  const order = commonOrder(operands, shape.length);
  const placed = operands.map((operand) => toOrder(graph, toRank(graph, operand, shape.length), order));
  const node = graph.op(
    type,
    placed.map((operand) => operand.node),
  );
  const dims = order.map((_, axis) => Math.max(...placed.map((operand) => operand.dims[axis] ?? 1)));
  return { node, shape, dtype, order, dims };
}

function binary(type: string, result?: SymbolicType): KernelMapping {
  return (call) => {
    const operands = [call.input('a'), call.input('b')];
    return elementwise(call.graph, { type, operands, dtype: result ?? call.input('a').dtype });
  };
}

/** Sum; a per-channel bias after a convolution becomes part of it, which ONNX Runtime does only for constant ones. */
function add(call: KernelCall): SymbolicTensor {
  const [a, b] = [call.input('a'), call.input('b')];
  const convolution = call.graph.producer(a.node);
  const channels = a.shape.at(-1);
  if (convolution?.type === 'Conv' && convolution.inputs.length === 2 && sameList(b.dims, [channels ?? 0])) {
    return derived(a, call.graph.op('Conv', [...convolution.inputs, b.node], convolution.attributes));
  }
  return (
    affine(call, { product: a, shift: b }) ??
    affine(call, { product: b, shift: a }) ??
    elementwise(call.graph, { type: 'Add', operands: [a, b], dtype: a.dtype })
  );
}

function subtract(call: KernelCall): SymbolicTensor {
  const [a, b] = [call.input('a'), call.input('b')];
  const fused = affine(call, { product: a, shift: b, sign: -1 });
  return fused ?? elementwise(call.graph, { type: 'Sub', operands: [a, b], dtype: a.dtype });
}

/** Product; what is multiplied by 1 stays as it is, and a mask is taken below a max un-pooling if it can be. */
function multiply(call: KernelCall): SymbolicTensor {
  const [a, b] = [call.input('a'), call.input('b')];
  for (const [one, other] of [[a, b] as const, [b, a] as const]) {
    if (isOne(one) && one.shape.length <= other.shape.length) return broadcastTo(one, other);
    const masked = maskBelowUnpooling(call, { mask: one, value: other });
    if (masked) return masked;
  }
  return product(call, a, b);
}

/** The product, with a note of its factors. */
function product(call: KernelCall, a: SymbolicTensor, b: SymbolicTensor): SymbolicTensor {
  const result = elementwise(call.graph, { type: 'Mul', operands: [a, b], dtype: a.dtype });
  const placed = (factor: SymbolicTensor) =>
    toOrder(call.graph, toRank(call.graph, factor, result.shape.length), result.order);
  if (result.dtype === 'float32') call.notes.products.set(result.node, [placed(a), placed(b)]);
  return result;
}

function isOne(tensor: SymbolicTensor): boolean {
  return tensor.values?.length === 1 && tensor.values[0] === 1 && tensor.dtype === 'float32';
}

/** The tensor with the broadcast shape, without moving data. */
function broadcastTo(ones: SymbolicTensor, tensor: SymbolicTensor): SymbolicTensor {
  return { ...tensor, shape: backend_util.assertAndGetBroadcastShape([...ones.shape], [...tensor.shape]) };
}

/**
 * relu'(x) * unpool(dy) = unpool(relu'(pooled) * dy) where pooled = maxpool(relu(x)): the product is a quarter of the
 * size for 2x2 windows. A window whose maximum is 0 has gradient 0 either way.
 */
function maskBelowUnpooling(call: KernelCall, operands: { mask: SymbolicTensor; value: SymbolicTensor }) {
  const source = call.notes.masks.get(operands.mask.node);
  const unpooling = call.notes.unpoolings.get(operands.value.node);
  if (source === undefined || unpooling?.input !== source) return undefined;
  const masked = call.graph.op('Mul', [unpooling.gradient, positive(call.graph, unpooling.pooled)]);
  return derived(operands.value, unpooling.unpool(masked));
}

/** 1 where the value is above 0, else 0. Multiply and clip is faster than Greater and Cast; exact above 3e-39. */
function positive(graph: OnnxGraph, value: string): string {
  return graph.op('Clip', [graph.op('Mul', [value, graph.scalar(3e38)]), graph.scalar(0), graph.scalar(1)]);
}

/**
 * 1 above 0, else the slope alpha: the derivative of ReLU and its kin. Taken from ReLU's output where that is in the
 * graph, so that its input need not be kept.
 */
function step(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const x = call.input('x');
  const { alpha } = call.attributes<{ alpha: number }>();
  const relu = graph.find('Relu', [x.node]);
  const source = relu ? graph.outputOf(relu, 0) : x.node;
  const mask = positive(graph, source);
  call.notes.masks.set(mask, source);
  if (alpha === 0) return derived(x, mask);
  return derived(x, graph.op('Add', [graph.op('Mul', [mask, graph.scalar(1 - alpha)]), graph.scalar(alpha)]));
}

function square(call: KernelCall): SymbolicTensor {
  return product(call, call.input('x'), call.input('x'));
}

function rsqrt(call: KernelCall): SymbolicTensor {
  const root = call.graph.op('Sqrt', [call.input('x').node]);
  return derived(call.input('x'), call.graph.op('Reciprocal', [root]));
}

function squaredDifference(call: KernelCall): SymbolicTensor {
  const operands = [call.input('a'), call.input('b')];
  const difference = elementwise(call.graph, { type: 'Sub', operands, dtype: 'float32' });
  return derived(difference, call.graph.op('Mul', [difference.node, difference.node]));
}

function clip(call: KernelCall): SymbolicTensor {
  const x = call.input('x');
  const bounds = call.attributes<{ clipValueMin: number; clipValueMax: number }>();
  const limits = [call.graph.scalar(bounds.clipValueMin), call.graph.scalar(bounds.clipValueMax)];
  return derived(x, call.graph.op('Clip', [x.node, ...limits]));
}

function leakyRelu(call: KernelCall): SymbolicTensor {
  const alpha = { float: call.attributes<{ alpha: number }>().alpha };
  return unary('LeakyRelu', { alpha })(call);
}

function relu6(call: KernelCall): SymbolicTensor {
  const x = call.input('x');
  return derived(x, call.graph.op('Clip', [x.node, call.graph.scalar(0), call.graph.scalar(6)]));
}

/** dy * (y > 0 ? 1 : y + 1), y being the output. */
function eluGradient(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const y = call.input('y');
  const slope = graph.op('Add', [graph.op('Min', [y.node, graph.scalar(0)]), graph.scalar(1)]);
  const operands = [call.input('dy'), derived(y, slope)];
  return elementwise(graph, { type: 'Mul', operands, dtype: 'float32' });
}

function log1p(call: KernelCall): SymbolicTensor {
  const x = call.input('x');
  return derived(x, call.graph.op('Log', [call.graph.op('Add', [x.node, call.graph.scalar(1)])]));
}

function notEqual(call: KernelCall): SymbolicTensor {
  const operands = [call.input('a'), call.input('b')];
  const equal = elementwise(call.graph, { type: 'Equal', operands, dtype: 'bool' });
  return derived(equal, call.graph.op('Not', [equal.node]));
}

function select(call: KernelCall): SymbolicTensor {
  const [condition, whenTrue] = [call.input('condition'), call.input('t')];
  if (condition.shape.length !== whenTrue.shape.length) throw call.unsupported('a condition of lower rank');
  const operands = [condition, whenTrue, call.input('e')];
  return elementwise(call.graph, { type: 'Where', operands, dtype: whenTrue.dtype });
}

function cast(call: KernelCall): SymbolicTensor {
  const x = call.input('x');
  const { dtype } = call.attributes<{ dtype: string }>();
  if (dtype === x.dtype) return x;
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') throw call.unsupported(`type ${dtype}`);
  const to = { float32: 1, int32: 6, bool: 9 }[dtype];
  return { ...derived(x, call.graph.op('Cast', [x.node], { to })), dtype };
}

export const ELEMENTWISE: KernelMappings = {
  Abs: unary('Abs'),
  Add: add,
  AddN: (call) => elementwise(call.graph, { type: 'Sum', operands: call.inputList, dtype: 'float32' }),
  Cast: cast,
  Ceil: unary('Ceil'),
  ClipByValue: clip,
  Cos: unary('Cos'),
  Elu: unary('Elu'),
  EluGrad: eluGradient,
  Equal: binary('Equal', 'bool'),
  Erf: unary('Erf'),
  Exp: unary('Exp'),
  Floor: unary('Floor'),
  Greater: binary('Greater', 'bool'),
  GreaterEqual: binary('GreaterOrEqual', 'bool'),
  Identity: (call) => call.input('x'),
  LeakyRelu: leakyRelu,
  Less: binary('Less', 'bool'),
  LessEqual: binary('LessOrEqual', 'bool'),
  Log: unary('Log'),
  Log1p: log1p,
  LogicalAnd: binary('And', 'bool'),
  LogicalNot: unary('Not'),
  LogicalOr: binary('Or', 'bool'),
  Maximum: binary('Max'),
  Minimum: binary('Min'),
  Multiply: multiply,
  Neg: unary('Neg'),
  NotEqual: notEqual,
  Pow: binary('Pow'),
  Prelu: (call) =>
    elementwise(call.graph, {
      type: 'PRelu',
      operands: [call.input('x'), call.input('alpha')],
      dtype: 'float32',
    }),
  RealDiv: binary('Div'),
  Reciprocal: unary('Reciprocal'),
  Relu: unary('Relu'),
  Relu6: relu6,
  Rsqrt: rsqrt,
  Select: select,
  Selu: unary('Selu'),
  Sigmoid: unary('Sigmoid'),
  Sign: unary('Sign'),
  Sin: unary('Sin'),
  Softplus: unary('Softplus'),
  Sqrt: unary('Sqrt'),
  Square: square,
  SquaredDifference: squaredDifference,
  Step: step,
  Sub: subtract,
  Tanh: unary('Tanh'),
};

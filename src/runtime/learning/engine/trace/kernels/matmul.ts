import { elementCount } from '../../../../base/tensors/nd-array.ts';
import type { OnnxGraph } from '../../onnx/graph.ts';
import type { KernelCall, KernelMappings } from '../kernel-call.ts';
import { materialize, type SymbolicTensor, sameList, whole } from '../symbolic.ts';
import { elementwise } from './elementwise.ts';
import { noteProduct } from './sums.ts';

/** Batched product of [..., M, K] and [..., K, N], either one given transposed. */
function matMul(call: KernelCall): SymbolicTensor {
  const [a, b] = [call.input('a'), call.input('b')];
  const { transposeA, transposeB } = call.attributes<{ transposeA?: boolean; transposeB?: boolean }>();
  const rows = a.shape.at(transposeA ? -1 : -2) ?? 1;
  const columns = b.shape.at(transposeB ? -2 : -1) ?? 1;
  const batches = [a, b].map(({ shape }) => shape.slice(0, -2));
  const [left = [], right = []] = batches;
  const batch = elementCount(left) >= elementCount(right) ? left : right;
  const factors = [materialize(call.graph, a), materialize(call.graph, b)];
  const flags = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
  const depth = a.shape.at(transposeA ? -2 : -1) ?? 1;
  const node =
    transposeA || transposeB
      ? call.graph.op('com.microsoft.FusedMatMul', factors, flags)
      : call.graph.op('MatMul', factors);
  if (transposeA && !transposeB && elementCount(batch) === 1)
    noteProduct(call.graph, call.notes.sums, { sum: node, factors, depth, shape: [...batch, rows, columns] });
  return whole(node, [...batch, rows, columns]);
}

/** What tfjs fuses in inference: product, bias and activation. */
function fusedMatMul(call: KernelCall): SymbolicTensor {
  return withBiasAndActivation(call, matMul(call));
}

/** Adds the `bias` input and applies the `activation` attribute of a fused kernel. */
export function withBiasAndActivation(call: KernelCall, product: SymbolicTensor): SymbolicTensor {
  const bias = call.optionalInput('bias');
  const { activation } = call.attributes<{ activation: string }>();
  return activate(call, activation, bias ? addBias(call.graph, product, bias) : product);
}

function addBias(graph: OnnxGraph, product: SymbolicTensor, bias: SymbolicTensor): SymbolicTensor {
  const convolution = graph.producer(product.node);
  if (convolution?.type === 'Conv' && sameList(bias.dims, [product.shape.at(-1) ?? 0])) {
    return { ...product, node: graph.op('Conv', [...convolution.inputs, bias.node], convolution.attributes) };
  }
  return elementwise(graph, { type: 'Add', operands: [product, bias], dtype: 'float32' });
}

const ACTIVATIONS: Record<string, string> = { relu: 'Relu', elu: 'Elu', sigmoid: 'Sigmoid' };

function activate(call: KernelCall, activation: string, x: SymbolicTensor): SymbolicTensor {
  const { graph } = call;
  if (activation === 'linear') return x;
  if (activation === 'relu6')
    return { ...x, node: graph.op('Clip', [x.node, graph.scalar(0), graph.scalar(6)]) };
  if (activation === 'leakyrelu') {
    const alpha = { float: call.attributes<{ leakyreluAlpha?: number }>().leakyreluAlpha ?? 0.2 };
    return { ...x, node: graph.op('LeakyRelu', [x.node], { alpha }) };
  }
  const type = ACTIVATIONS[activation];
  if (!type) throw call.unsupported(`activation ${activation}`);
  return { ...x, node: graph.op(type, [x.node]) };
}

export const MATMUL: KernelMappings = { BatchMatMul: matMul, _FusedMatMul: fusedMatMul };

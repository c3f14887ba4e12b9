import { backend_util } from '@tensorflow/tfjs-core';
import { elementCount } from '../../../tensors/nd-array.ts';
import type { KernelCall, KernelMappings } from '../kernel-call.ts';
import type { SymbolicTensor } from '../symbolic.ts';
import {
  type VolumeWindow,
  volumeAttributes,
  volumePadding,
  volumes,
  volumesOf,
  volumeWindow,
} from './conv3d.ts';

interface Pool3DAttributes {
  readonly filterSize: [number, number, number] | number;
  readonly strides: [number, number, number] | number;
  readonly pad: 'valid' | 'same' | number;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
  readonly dataFormat?: 'NDHWC' | 'NCDHW';
}

function poolWindow(call: KernelCall, x: SymbolicTensor): VolumeWindow {
  const { filterSize, strides, pad, dimRoundingMode, dataFormat } = call.attributes<Pool3DAttributes>();
  if (dataFormat === 'NCDHW') throw call.unsupported('channels-first data');
  const shape = [...x.shape] as [number, number, number, number, number];
  return volumeWindow(backend_util.computePool3DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode));
}

function maxPool(call: KernelCall): SymbolicTensor {
  const x = call.input('x');
  const window = poolWindow(call, x);
  const node = call.graph.op('MaxPool', [volumes(call.graph, x)], volumeAttributes(window));
  return volumesOf(node, window.outShape);
}

/** As in two dimensions: to the first of equal maxima; where windows overlap, gradients add up. */
function maxPoolGradient(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const input = call.input('input');
  const pooling = graph.node('MaxPool', [volumes(graph, input)], volumeAttributes(poolWindow(call, input)));
  const places = graph.outputOf(pooling, 1);
  const flat = [places, volumes(graph, call.input('dy'))].map((value) =>
    graph.op('Reshape', [value, graph.int64s([-1])]),
  );
  const [batch = 1, depth = 1, height = 1, width = 1, channels = 1] = input.shape;
  const zeros = graph.op('Expand', [graph.scalar(0), graph.int64s([elementCount(input.shape)])]);
  const sums = graph.op('ScatterElements', [zeros, ...flat], { axis: 0, reduction: 'add' });
  const shape = graph.int64s([batch, channels, depth, height, width]);
  return volumesOf(graph.op('Reshape', [sums, shape]), input.shape);
}

/** Averages over the part of the window inside the volume. */
function averagePool(call: KernelCall): SymbolicTensor {
  const x = call.input('x');
  const window = poolWindow(call, x);
  const attributes = { ...volumeAttributes(window), count_include_pad: 0 };
  return volumesOf(call.graph.op('AveragePool', [volumes(call.graph, x)], attributes), window.outShape);
}

/** Spreads dy evenly over the voxels that each window covers; tfjs's cpu backend divides by the whole window. */
function averagePoolGradient(call: KernelCall): SymbolicTensor {
  const { graph } = call;
  const input = call.input('input');
  const window = poolWindow(call, input);
  const channels = input.shape[4] ?? 1;
  const shares = graph.constant('float32', [1, 1, ...window.output], windowShares(window));
  const share = graph.op('Mul', [volumes(graph, call.input('dy')), shares]);
  const ones = graph.op('Expand', [graph.scalar(1), graph.int64s([channels, 1, ...window.filter])]);
  const attributes = {
    ...volumeAttributes(window),
    group: channels,
    output_padding: volumePadding(window),
  };
  return volumesOf(graph.op('ConvTranspose', [share, ones], attributes), input.shape);
}

/** One divided by the voxels that each window covers, [D, H, W]. */
function windowShares(window: VolumeWindow): Float32Array {
  const covered = window.output.map((count, axis) =>
    Array.from({ length: count }, (_, index) => {
      const start = index * (window.strides[axis] ?? 1) - (window.before[axis] ?? 0);
      return Math.min(start + (window.filter[axis] ?? 1), window.input[axis] ?? 1) - Math.max(start, 0);
    }),
  );
  const volumesCovered = covered.reduce((all, axis) => all.flatMap((a) => axis.map((b) => a * b)), [1]);
  return Float32Array.from(volumesCovered, (voxels) => 1 / voxels);
}

export const POOL3D: KernelMappings = {
  AvgPool3D: averagePool,
  AvgPool3DGrad: averagePoolGradient,
  MaxPool3D: maxPool,
  MaxPool3DGrad: maxPoolGradient,
};

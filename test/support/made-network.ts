import { writeFile } from 'node:fs/promises';
import { createRandom } from '../../src/runtime/base/random.ts';
import { encodeModel } from '../../src/runtime/learning/engine/onnx/encode.ts';
import { OnnxGraph } from '../../src/runtime/learning/engine/onnx/graph.ts';

export interface MadeNetwork {
  readonly side: number;
  readonly channels: number;
  readonly filters: number;
  /** In place of the last activation. */
  readonly operator?: string;
  /** Ends with the feature maps, not their means. */
  readonly maps?: boolean;
  readonly seed?: number;
}

/** Weights [filters, channels, 3, 3] and biases of its one convolution. */
export function weightsOf({ channels, filters, seed = 0 }: MadeNetwork) {
  const random = createRandom('made-network', seed);
  const draw = (length: number) => Float32Array.from({ length }, () => 0.4 * random.normal());
  return { kernel: draw(filters * channels * 9), bias: draw(filters) };
}

/** A pretrained network as others write it: pictures [1, channels, side, side] to a convolution, ReLU and the mean of each map; the last layer is `n_features`. */
export function madeNetwork(form: MadeNetwork): Uint8Array {
  const { side, channels, filters, operator = 'Relu', maps = false } = form;
  const graph = new OnnxGraph();
  const { kernel, bias } = weightsOf(form);
  const x = graph.input({ name: 'pixels', type: 'float32', shape: [1, channels, side, side] });
  const w = graph.initializer({
    name: 'conv.weight',
    type: 'float32',
    shape: [filters, channels, 3, 3],
    data: kernel,
  });
  const b = graph.initializer({ name: 'conv.bias', type: 'float32', shape: [filters], data: bias });
  const convolved = graph.op('Conv', [x, w, b], {
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    kernel_shape: [3, 3],
  });
  const active = graph.op(operator, [convolved]);
  const features = maps ? active : graph.op('Flatten', [graph.op('GlobalAveragePool', [active])]);
  const shape = maps ? [1, filters, side / 2, side / 2] : [1, filters];
  graph.output({ name: 'features', type: 'float32', shape }, features);
  return encodeModel(graph.live(), { name: 'made' });
}

export async function writeNetwork(path: string, form: MadeNetwork): Promise<string> {
  await writeFile(path, madeNetwork(form));
  return path;
}

import { add, cast, greaterEqual, mul, type Tensor, tensor } from '@tensorflow/tfjs-core';
import type { layers } from '@tensorflow/tfjs-layers';
import { createRandom } from '../../base/random.ts';
import { elementCount } from '../../base/tensors/nd-array.ts';
import { type LayerCall, withCalls } from './layers/with-calls.ts';

type Layer = layers.Layer;

/** Random numbers that one layer asks for in one step. */
export interface NoiseRequest {
  readonly kind: 'uniform' | 'normal';
  readonly shape: readonly number[];
}

/** Gives the numbers of a step, in the order of the requests. */
export type NoiseSource = (request: NoiseRequest) => Tensor;

/**
 * The numbers of a step's request with a given index, in row-major order; they follow from the seed alone, so that every
 * engine draws the same. The first n numbers of a longer request are those of a shorter one.
 */
export function noiseValues(request: NoiseRequest, seed: number, index: number): Float32Array {
  const random = createRandom('noise', seed, index);
  const values = new Float32Array(elementCount(request.shape));
  const draw = request.kind === 'uniform' ? random.next : random.normal;
  for (let at = 0; at < values.length; at++) values[at] = draw();
  return values;
}

/** A source for engines that compute at once. */
export function seededNoise(seed: number): NoiseSource {
  let count = 0;
  return (request) => tensor(noiseValues(request, seed, count++), [...request.shape]);
}

/**
 * Runs a forward pass in which tfjs's noise layers draw from the source. By themselves they draw from Math.random,
 * or the same numbers in each step when they have a seed.
 */
export function withNoise<T>(source: NoiseSource, forward: () => T): T {
  const seeded = (layer: Layer): LayerCall | undefined => {
    const noisy = NOISE_LAYERS[layer.getClassName()];
    return noisy && ((x, training) => (training ? noisy(x, layer.getConfig(), source) : x));
  };
  return withCalls(seeded, forward);
}

type LayerConfig = ReturnType<Layer['getConfig']>;
type NoisyCall = (x: Tensor, config: LayerConfig, source: NoiseSource) => Tensor;

/** tfjs's noise layers, with the mathematics of tfjs-layers 4.22 `layers/core.ts` and `layers/noise.ts`. */
const NOISE_LAYERS: Record<string, NoisyCall> = {
  Dropout: (x, config, source) => dropout(x, { config, source, shape: noiseShape(x, config) }),
  SpatialDropout1D: (x, config, source) => {
    const [batch = 1, , channels = 1] = x.shape;
    return dropout(x, { config, source, shape: [batch, 1, channels] });
  },
  GaussianNoise: (x, config, source) =>
    add(x, mul(source({ kind: 'normal', shape: x.shape }), Number(config.stddev))),
  GaussianDropout: (x, config, source) => {
    const rate = Number(config.rate);
    const deviation = mul(source({ kind: 'normal', shape: x.shape }), Math.sqrt(rate / (1 - rate)));
    return mul(x, add(deviation, 1));
  },
  AlphaDropout: alphaDropout,
};

interface DropoutDraw {
  readonly config: LayerConfig;
  readonly source: NoiseSource;
  readonly shape: readonly number[];
}

function dropout(x: Tensor, { config, source, shape }: DropoutDraw): Tensor {
  const rate = Number(config.rate);
  if (rate === 0) return x;
  const kept = cast(greaterEqual(source({ kind: 'uniform', shape }), rate), 'float32');
  return mul(x, mul(kept, 1 / (1 - rate)));
}

/** Klambauer et al., "Self-normalizing neural networks" (2017); tfjs 4.22 has the saturation value's sign wrong. */
function alphaDropout(x: Tensor, config: LayerConfig, source: NoiseSource): Tensor {
  const rate = Number(config.rate);
  if (rate === 0) return x;
  const saturation = -1.6732632423543772 * 1.0507009873554805;
  const kept = cast(greaterEqual(source({ kind: 'uniform', shape: noiseShape(x, config) }), rate), 'float32');
  const scale = ((1 - rate) * (1 + rate * saturation ** 2)) ** -0.5;
  const dropped = add(mul(x, kept), mul(add(kept, -1), -saturation));
  return add(mul(dropped, scale), -scale * saturation * rate);
}

/** A layer's `noiseShape` may leave axes open, which then have the input's size. */
function noiseShape(x: Tensor, config: LayerConfig): readonly number[] {
  const given = config.noiseShape;
  return Array.isArray(given) ? x.shape.map((size, axis) => Number(given[axis] ?? size)) : x.shape;
}

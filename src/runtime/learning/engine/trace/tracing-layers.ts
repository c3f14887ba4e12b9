import type { layers } from '@tensorflow/tfjs-layers';
import { withClosedBatchNorm } from '../layers/batch-normalization.ts';
import { withPlainDilation } from '../layers/dilated-convolution.ts';
import { aroundLayers } from '../layers/with-calls.ts';
import type { Recorder } from './recorder.ts';

type Layer = layers.Layer;

/**
 * Runs work in which layers tell the recorder who is computing, and those that tfjs computes in a roundabout way, or not at
 * all, go another one.
 * @param nameOf what to call a layer in messages; undefined for one that only holds others
 */
export function tracingLayers<T>(
  recorder: Recorder,
  work: () => T,
  nameOf: (layer: Layer) => string | undefined,
): T {
  const announced = () =>
    aroundLayers((layer, apply) => {
      const outer = recorder.layer;
      recorder.layer = nameOf(layer) ?? outer;
      const result = apply();
      recorder.layer = outer;
      return result;
    }, work);
  return withClosedBatchNorm(() => withPlainDilation(announced));
}

import type { Tensor } from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';

type Layer = layers.Layer;

/** What a layer of one input computes. */
export type LayerCall = (x: Tensor, training: boolean) => Tensor;

/** Runs work in which chosen layers, of whatever model, compute in another way than their class does. */
export function withCalls<T>(choose: (layer: Layer) => LayerCall | undefined, work: () => T): T {
  return aroundLayers((layer, apply) => {
    const call = choose(layer);
    if (!call) return apply();
    layer.call = (inputs, kwargs: Record<string, unknown>) =>
      call([inputs].flat()[0] as Tensor, kwargs.training === true);
    try {
      return apply();
    } finally {
      // The replacement hides the class's own method; removing it brings that back.
      Reflect.deleteProperty(layer, 'call');
    }
  }, work);
}

/** Runs work in which every use of a layer passes through `around`. */
export function aroundLayers<T>(
  around: (layer: Layer, apply: () => ReturnType<Layer['apply']>) => ReturnType<Layer['apply']>,
  work: () => T,
): T {
  const { prototype } = layers.Layer;
  const { apply } = prototype;
  prototype.apply = function applyAround(this: Layer, ...args: Parameters<Layer['apply']>) {
    return around(this, () => apply.apply(this, args));
  };
  try {
    return work();
  } finally {
    prototype.apply = apply;
  }
}

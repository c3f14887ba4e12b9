import type { Tensor } from '@tensorflow/tfjs-core';
import type { LayersModel, layers } from '@tensorflow/tfjs-layers';
import { leafLayers } from '../parameters.ts';

/** What a layer of one input computes. */
export type LayerCall = (x: Tensor, training: boolean) => Tensor;

/** Runs work in which chosen layers of a model compute in another way than their class does. */
export function withCalls<T>(
  model: LayersModel,
  choose: (layer: layers.Layer) => LayerCall | undefined,
  work: () => T,
): T {
  const replaced = leafLayers(model).flatMap((layer) => {
    const call = choose(layer);
    if (!call) return [];
    layer.call = (inputs, kwargs: Record<string, unknown>) =>
      call([inputs].flat()[0] as Tensor, kwargs.training === true);
    return [layer];
  });
  try {
    return work();
  } finally {
    // The replacement hides the class's own method; removing it brings that back.
    for (const layer of replaced) Reflect.deleteProperty(layer, 'call');
  }
}

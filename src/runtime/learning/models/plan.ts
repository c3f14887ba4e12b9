/**
 * A network as data: a list of layers. One walk over it gives the names, shapes and first values of its parameters
 * without loading a tensor library (the coordinator needs no more), another the TensorFlow.js model (the sites').
 */
export type LayerPlan =
  | ConvPlan
  | DensePlan
  | NormPlan
  | { readonly kind: 'relu'; readonly name: string }
  | { readonly kind: 'max-pool'; readonly name: string }
  | { readonly kind: 'global-pool'; readonly name: string; readonly how: Pooling }
  | { readonly kind: 'dropout'; readonly name: string; readonly rate: number }
  | ResidualPlan;

/** What is kept of each channel over the whole image. */
export type Pooling = 'max' | 'average';

/** Square kernel, 'same' padding. */
export interface ConvPlan {
  readonly kind: 'conv';
  readonly name: string;
  readonly filters: number;
  readonly size: 1 | 3;
  readonly stride: 1 | 2;
  /** False where a normalisation follows and would cancel it. */
  readonly bias: boolean;
}

export interface DensePlan {
  readonly kind: 'dense';
  readonly name: string;
  readonly units: number;
  /** He's factor 2 where a ReLU follows, 1 at the logits. */
  readonly gain: number;
}

/** Group normalisation (Wu and He, 2018): no running statistics, which averaging over unlike sites would spoil. */
export interface NormPlan {
  readonly kind: 'group-norm';
  readonly name: string;
  readonly groups: number;
  /** First value of the scale: 0 at the end of a residual branch makes the block start as the identity. */
  readonly scale: 0 | 1;
}

/** `body(x) + shortcut(x)`; an empty shortcut is the identity. */
export interface ResidualPlan {
  readonly kind: 'residual';
  readonly name: string;
  readonly body: readonly LayerPlan[];
  readonly shortcut: readonly LayerPlan[];
}

/** A parameter and how it starts: all one value, or normal with mean 0 and standard deviation `deviation`. */
export interface ParamPlan {
  readonly name: string;
  readonly shape: readonly number[];
  readonly start: { readonly value: number } | { readonly deviation: number };
}

/** Parameters of `layers` on an input of `channels`, in the order of the layers; and the channels that come out. */
export function planParams(
  layers: readonly LayerPlan[],
  channels: number,
): { params: ParamPlan[]; channels: number } {
  const params: ParamPlan[] = [];
  let width = channels;
  for (const layer of layers) {
    params.push(...layerParams(layer, width));
    width = outputChannels(layer, width);
  }
  return { params, channels: width };
}

function outputChannels(layer: LayerPlan, channels: number): number {
  if (layer.kind === 'conv') return layer.filters;
  if (layer.kind === 'dense') return layer.units;
  return layer.kind === 'residual' ? planParams(layer.body, channels).channels : channels;
}

function layerParams(layer: LayerPlan, channels: number): ParamPlan[] {
  const { name } = layer;
  switch (layer.kind) {
    case 'conv': {
      const deviation = Math.sqrt(2 / (layer.size * layer.size * channels));
      const shape = [layer.size, layer.size, channels, layer.filters];
      const bias = { name: `${name}/bias`, shape: [layer.filters], start: { value: 0 } };
      return [{ name: `${name}/kernel`, shape, start: { deviation } }, ...(layer.bias ? [bias] : [])];
    }
    case 'dense': {
      const deviation = Math.sqrt(layer.gain / channels);
      return [
        { name: `${name}/kernel`, shape: [channels, layer.units], start: { deviation } },
        { name: `${name}/bias`, shape: [layer.units], start: { value: 0 } },
      ];
    }
    case 'group-norm':
      return [
        { name: `${name}/gamma`, shape: [channels], start: { value: layer.scale } },
        { name: `${name}/beta`, shape: [channels], start: { value: 0 } },
      ];
    case 'residual':
      return [...planParams(layer.body, channels).params, ...planParams(layer.shortcut, channels).params];
    default:
      return [];
  }
}

/**
 * A network as data: a list of layers. One walk over it gives the names, shapes and first values of its parameters
 * without loading a tensor library (the coordinator needs no more), another the TensorFlow.js model (the sites').
 */
export type LayerPlan =
  | ConvPlan
  | DepthwisePlan
  | DensePlan
  | NormPlan
  | { readonly kind: 'relu' | 'relu6'; readonly name: string }
  | { readonly kind: 'max-pool'; readonly name: string; readonly axes: Axes }
  | GlobalPoolPlan
  | { readonly kind: 'dropout'; readonly name: string; readonly rate: number }
  | { readonly kind: 'upsample'; readonly name: string; readonly axes: Axes }
  | HeadPlan
  | SkipPlan
  | ResidualPlan;

/** Of the space that a layer works in: slices have 2, volumes 3. */
export type Axes = 2 | 3;

/** What is kept of each channel over the whole image. */
export type Pooling = 'max' | 'average';

export interface GlobalPoolPlan {
  readonly kind: 'global-pool';
  readonly name: string;
  readonly how: Pooling;
  /** Default 2. */
  readonly axes?: Axes;
}

/** Square or cubic kernel, 'same' padding. */
export interface ConvPlan {
  readonly kind: 'conv';
  readonly name: string;
  readonly filters: number;
  readonly size: 1 | 3;
  readonly stride: 1 | 2;
  /** False where a normalisation follows and would cancel it. */
  readonly bias: boolean;
  /** Default 2. */
  readonly axes?: Axes;
  /** As of `DensePlan`; default 2. */
  readonly gain?: number;
}

/** A filter for each channel; square kernel, 'same' padding, with a bias. */
export interface DepthwisePlan {
  readonly kind: 'depthwise';
  readonly name: string;
  readonly size: 3 | 5;
  readonly stride: 1 | 2;
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

/** `x` and `inner(x)`, channel behind channel; both have the same resolution. */
export interface SkipPlan {
  readonly kind: 'skip';
  readonly name: string;
  readonly inner: readonly LayerPlan[];
}

/** Passes on what comes, and has outputs of its own made of it, which training looks at and prediction does not. */
export interface HeadPlan {
  readonly kind: 'head';
  readonly name: string;
  readonly filters: number;
  readonly axes: Axes;
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
  if (layer.kind === 'skip') return channels + planParams(layer.inner, channels).channels;
  return layer.kind === 'residual' ? planParams(layer.body, channels).channels : channels;
}

function layerParams(layer: LayerPlan, channels: number): ParamPlan[] {
  const { name } = layer;
  switch (layer.kind) {
    case 'conv':
      return convParams(layer, channels);
    case 'head':
      return convParams(convOfHead(layer), channels);
    case 'skip':
      return planParams(layer.inner, channels).params;
    case 'depthwise': {
      const { size } = layer;
      const start = { deviation: Math.sqrt(2 / (size * size)) };
      return [
        { name: `${name}/depthwise_kernel`, shape: [size, size, channels, 1], start },
        { name: `${name}/bias`, shape: [channels], start: { value: 0 } },
      ];
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

/** The convolution that makes the outputs of a head. */
export function convOfHead({ name, filters, axes }: HeadPlan): ConvPlan {
  return { kind: 'conv', name, filters, size: 1, stride: 1, bias: true, axes, gain: 0.1 };
}

function convParams(
  { name, size, filters, bias, axes = 2, gain = 2 }: ConvPlan,
  channels: number,
): ParamPlan[] {
  const window = Array.from({ length: axes }, () => size);
  const deviation = Math.sqrt(gain / (size ** axes * channels));
  const kernel = { name: `${name}/kernel`, shape: [...window, channels, filters], start: { deviation } };
  return [kernel, ...(bias ? [{ name: `${name}/bias`, shape: [filters], start: { value: 0 } }] : [])];
}

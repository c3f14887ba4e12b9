import type { ConvPlan, DepthwisePlan, LayerPlan } from './plan.ts';

/** A named part of a network: what comes before the end of one may be frozen. */
export interface Stage {
  readonly name: string;
  readonly layers: readonly LayerPlan[];
  /** That come out of it. */
  readonly channels: number;
  /** How many times smaller its side is than that of its input. */
  readonly stride: 1 | 2;
}

interface BlockGroup {
  readonly repeats: number;
  readonly size: 3 | 5;
  readonly stride: 1 | 2;
  readonly expand: 1 | 6;
  readonly channels: number;
}

/** EfficientNet-Lite0: tensorflow/tpu, models/official/efficientnet/lite/efficientnet_lite_builder.py, `_DEFAULT_BLOCKS_ARGS`. */
const GROUPS: readonly BlockGroup[] = [
  { repeats: 1, size: 3, stride: 1, expand: 1, channels: 16 },
  { repeats: 2, size: 3, stride: 2, expand: 6, channels: 24 },
  { repeats: 2, size: 5, stride: 2, expand: 6, channels: 40 },
  { repeats: 3, size: 3, stride: 2, expand: 6, channels: 80 },
  { repeats: 3, size: 5, stride: 1, expand: 6, channels: 112 },
  { repeats: 4, size: 5, stride: 2, expand: 6, channels: 192 },
  { repeats: 1, size: 3, stride: 1, expand: 6, channels: 320 },
];
const STEM = 32;
const HEAD = 1280;

/**
 * EfficientNet-Lite0 (Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019; the lite form without
 * squeezing and with ReLU6): stem, blocks.0 to blocks.15, head, without its pooling and its classes. Batch normalisation is folded into the
 * convolution before it, as its statistics are those of pretraining.
 */
export function efficientnetLite0(): Stage[] {
  const stem: Stage = {
    name: 'stem',
    layers: convolution('stem', { filters: STEM, size: 3, stride: 2 }),
    channels: STEM,
    stride: 2,
  };
  const blocks: Stage[] = [];
  let from = STEM;
  for (const { repeats, channels, stride: first, ...kind } of GROUPS) {
    for (let repeat = 0; repeat < repeats; repeat++) {
      const stride = repeat === 0 ? first : 1;
      const name = `blocks.${blocks.length}`;
      blocks.push({ name, channels, stride, layers: block(name, { from, channels, stride, ...kind }) });
      from = channels;
    }
  }
  const layers = convolution('head', { filters: HEAD, size: 1, stride: 1 });
  return [stem, ...blocks, { name: 'head', layers, channels: HEAD, stride: 1 }];
}

type Block = Omit<BlockGroup, 'repeats'> & { readonly from: number };

/** An inverted bottleneck (Sandler et al., "MobileNetV2", 2018). */
function block(name: string, { from, channels, stride, expand, size }: Block): LayerPlan[] {
  const body: LayerPlan[] = [
    ...(expand === 1 ? [] : convolution(`${name}.expand`, { filters: expand * from, size: 1, stride: 1 })),
    depthwise(`${name}.depthwise`, size, stride),
    { kind: 'relu6', name: `${name}.depthwise_relu6` },
    plainConvolution(`${name}.project`, { filters: channels, size: 1, stride: 1 }),
  ];
  const skips = stride === 1 && from === channels;
  return skips ? [{ kind: 'residual', name: `${name}.add`, body, shortcut: [] }] : body;
}

function convolution(name: string, form: Pick<ConvPlan, 'filters' | 'size' | 'stride'>): LayerPlan[] {
  return [plainConvolution(name, form), { kind: 'relu6', name: `${name}_relu6` }];
}

function plainConvolution(name: string, form: Pick<ConvPlan, 'filters' | 'size' | 'stride'>): ConvPlan {
  return { kind: 'conv', name, bias: true, ...form };
}

function depthwise(name: string, size: 3 | 5, stride: 1 | 2): DepthwisePlan {
  return { kind: 'depthwise', name, size, stride };
}

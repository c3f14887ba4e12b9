import { f64At } from '../../base/at.ts';
import { elementCount, type NdArray, type ParamSet } from '../../base/tensors/nd-array.ts';
import { fromTorch, torchName } from '../export/torch-order.ts';
import { type LayerPlan, planParams } from '../models/plan.ts';
import { networkFault } from './network-fault.ts';

/** Of the batch normalisation of EfficientNet: `batch_norm_epsilon` of its published code. */
const EPSILON = 1e-3;

/** Where PyTorch's file has a layer: its convolution, and the normalisation after it. */
interface TorchPlace {
  readonly conv: string;
  readonly norm: string;
}

const OUTSIDE: Readonly<Record<string, TorchPlace>> = {
  stem: { conv: '_conv_stem', norm: '_bn0' },
  head: { conv: '_conv_head', norm: '_bn1' },
};
const INSIDE: Readonly<Record<string, TorchPlace>> = {
  expand: { conv: '_expand_conv', norm: '_bn0' },
  depthwise: { conv: '_depthwise_conv', norm: '_bn1' },
  project: { conv: '_project_conv', norm: '_bn2' },
};

/** `blocks.3.expand` is `_blocks.3._expand_conv` with `_blocks.3._bn0` in the files of efficientnet-lite-pytorch. */
function placeOf(layer: string): TorchPlace | undefined {
  const outside = OUTSIDE[layer];
  if (outside) return outside;
  const [, block, part = ''] = /^blocks\.(\d+)\.(\w+)$/.exec(layer) ?? [];
  const inside = INSIDE[part];
  return block === undefined || !inside
    ? undefined
    : { conv: `_blocks.${block}.${inside.conv}`, norm: `_blocks.${block}.${inside.norm}` };
}

/**
 * Parameters of these layers from a PyTorch file of the architecture, each batch normalisation folded into the convolution before it. Layers that the
 * file does not know, such as a new head, are left out.
 * @param channels of the network's input
 * @throws NF_BACKBONE_FILE where one is missing or has another shape
 */
export function foldedParams(
  layers: readonly LayerPlan[],
  given: ParamSet,
  { path, channels }: { readonly path: string; readonly channels: number },
): ParamSet {
  const forms = new Map(planParams(layers, channels).params.map(({ name, shape }) => [name, shape]));
  const folded: Record<string, NdArray> = {};
  for (const [name, shape] of forms) {
    const at = name.lastIndexOf('/');
    const [layer, weight] = [name.slice(0, at), name.slice(at + 1)];
    const place = placeOf(layer);
    if (!place || weight === 'bias') continue;
    Object.assign(folded, foldLayer({ layer, weight, shape, place }, { given, path }));
  }
  return folded;
}

/** The arrays of a file. */
interface Source {
  readonly given: ParamSet;
  readonly path: string;
}

interface Layer {
  readonly layer: string;
  readonly weight: string;
  readonly shape: readonly number[];
  readonly place: TorchPlace;
}

function foldLayer({ layer, weight, shape, place }: Layer, source: Source): ParamSet {
  const { given, path } = source;
  const isDepthwise = weight === 'depthwise_kernel';
  const [size = 1, , channels = 1] = shape;
  const outputs = isDepthwise ? channels : (shape.at(-1) ?? 1);
  // PyTorch has a filter for each channel as [channels, 1, height, width].
  const form = isDepthwise ? [size, size, 1, channels] : shape;
  const norm = (name: string) => arrayOf(source, `${place.norm}.${name}`, [outputs]);
  const [gamma, beta, mean, variance] = [
    norm('weight'),
    norm('bias'),
    norm('running_mean'),
    norm('running_var'),
  ];
  const scales = gamma.map((value, at) => value / Math.sqrt(f64At(variance, at) + EPSILON));
  const torch = `${place.conv}.weight`;
  arrayOf(source, torch, [form[3] ?? 1, form[2] ?? 1, size, size]);
  const like = { 'conv/kernel': { dtype: 'float32', shape: form, data: new Float32Array() } } as const;
  const kernel = fromTorch({ [torchName('conv/kernel')]: given[torch] as NdArray }, like, path)[
    'conv/kernel'
  ];
  const data = Float32Array.from(kernel?.data ?? [], (value, at) => value * f64At(scales, at % outputs));
  const bias = Float32Array.from(beta, (value, at) => value - f64At(mean, at) * f64At(scales, at));
  return {
    [`${layer}/${weight}`]: { dtype: 'float32', shape, data },
    [`${layer}/bias`]: { dtype: 'float32', shape: [outputs], data: bias },
  };
}

function arrayOf({ given, path }: Source, name: string, shape: readonly number[]): Float64Array {
  const array = given[name];
  if (!array) throw networkFault(path, `it has no '${name}', which the architecture has`);
  if (`${array.shape}` !== `${shape}` || array.data.length !== elementCount(shape))
    throw networkFault(path, `'${name}' is [${array.shape}] instead of [${shape}]`);
  if (array.data.some((value) => !Number.isFinite(value)))
    throw networkFault(path, `'${name}' has values that are not finite`);
  return Float64Array.from(array.data);
}

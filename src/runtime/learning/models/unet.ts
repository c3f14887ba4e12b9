import type { LayerPlan, NormPlan, ResidualPlan } from './plan.ts';
import type { UnetSpec } from './unet-spec.ts';

const GROUPS = 8;
/** nnU-Net's bound for volumes: coarser levels would hold most of the parameters for little. */
const MOST_FILTERS = 320;

/**
 * U-Net (Ronneberger, Fischer and Brox, 2015; of volumes Cicek et al., 2016) of residual blocks with group normalisation, as the residual
 * encoders of nnU-Net (Isensee et al., 2021) have them: a block at each level, halved by its first convolution; on the way back the nearest
 * voxel of the coarser level, joined with what the finer one had. With `deep_supervision` all levels of the way back but the coarsest
 * have outputs of their own (Lee et al., "Deeply-supervised nets", 2015). Output: a logit for the background and for each label.
 */
export function planUnet(spec: UnetSpec): LayerPlan[] {
  return [
    ...level(spec, 0),
    {
      kind: 'conv',
      name: 'logits',
      filters: spec.labels.length + 1,
      size: 1,
      stride: 1,
      bias: true,
      axes: spec.dimensions,
      gain: 0.1,
    },
  ];
}

/** From the features that come in at level `at` to those that leave it, at the same resolution. */
function level(spec: UnetSpec, at: number): LayerPlan[] {
  const { width, levels, dimensions: axes, deep_supervision: isDeep } = spec;
  const filters = (index: number) => Math.min(width * 2 ** index, MOST_FILTERS);
  const [own, before] = [filters(at), at === 0 ? spec.channels : filters(at - 1)];
  const down = block(`down${at}`, { from: before, to: own, stride: at === 0 ? 1 : 2, axes });
  if (at === levels - 1) {
    const dropout: LayerPlan[] = spec.dropout
      ? [{ kind: 'dropout', name: 'dropout', rate: spec.dropout }]
      : [];
    return [...down, ...dropout];
  }
  const coarser: LayerPlan[] = [
    ...level(spec, at + 1),
    { kind: 'conv', name: `up${at}_conv`, filters: own, size: 1, stride: 1, bias: false, axes },
    { kind: 'upsample', name: `up${at}`, axes },
  ];
  const back: LayerPlan[] = [
    ...down,
    { kind: 'skip', name: `up${at}_join`, inner: coarser },
    ...block(`back${at}`, { from: 2 * own, to: own, stride: 1, axes }),
  ];
  const supervised: LayerPlan[] =
    isDeep && at > 0 ? [{ kind: 'head', name: `logits${at}`, filters: spec.labels.length + 1, axes }] : [];
  return [...back, ...supervised];
}

interface BlockSize {
  readonly from: number;
  readonly to: number;
  readonly stride: 1 | 2;
  readonly axes: 2 | 3;
}

function block(name: string, { from, to, stride, axes }: BlockSize): LayerPlan[] {
  const conv = (part: string, size: 1 | 3, by: 1 | 2): LayerPlan => ({
    kind: 'conv',
    name: `${name}_${part}`,
    filters: to,
    size,
    stride: by,
    bias: false,
    axes,
  });
  const norm = (part: string, scale: 0 | 1 = 1): NormPlan => ({
    kind: 'group-norm',
    name: `${name}_${part}`,
    groups: GROUPS,
    scale,
  });
  const residual: ResidualPlan = {
    kind: 'residual',
    name: `${name}_add`,
    body: [
      conv('conv1', 3, stride),
      norm('norm1'),
      { kind: 'relu', name: `${name}_relu1` },
      conv('conv2', 3, 1),
      norm('norm2', 0),
    ],
    shortcut: from === to && stride === 1 ? [] : [conv('shortcut', 1, stride), norm('shortcut_norm')],
  };
  return [residual, { kind: 'relu', name: `${name}_relu2` }];
}

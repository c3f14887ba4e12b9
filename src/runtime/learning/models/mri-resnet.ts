import type { Axes, LayerPlan, ResidualPlan } from './plan.ts';
import { dimensionsOf, type GrownSpec, outputCount } from './spec.ts';

const GROUPS = 8;

/**
 * A small residual network (He et al., "Deep residual learning for image recognition", 2016) with group normalisation
 * in place of batch normalisation: one block at each of four widths, halving the image at the last three.
 * 308 000 parameters at width 16 and 4 classes; with `dimensions: 3` the same of a volume, 898 000.
 */
export function planMriResnet(spec: GrownSpec): LayerPlan[] {
  const [width, axes] = [spec.width ?? 16, dimensionsOf(spec)];
  return [
    conv('stem', { filters: width, stride: 2, axes }), //                    size / 2
    norm('stem_norm'),
    { kind: 'relu', name: 'stem_relu' },
    ...block('block1', { from: width, to: width, stride: 1, axes }),
    ...block('block2', { from: width, to: 2 * width, stride: 2, axes }), //     size / 4
    ...block('block3', { from: 2 * width, to: 4 * width, stride: 2, axes }), // size / 8
    ...block('block4', { from: 4 * width, to: 8 * width, stride: 2, axes }), // size / 16
    { kind: 'global-pool', name: 'features', how: spec.pooling ?? 'average', axes },
    ...(spec.dropout ? [{ kind: 'dropout', name: 'dropout', rate: spec.dropout } as const] : []),
    { kind: 'dense', name: 'logits', units: outputCount(spec), gain: 0.1 },
  ];
}

interface BlockSize {
  readonly from: number;
  readonly to: number;
  readonly stride: 1 | 2;
  readonly axes: Axes;
}

function block(name: string, size: BlockSize): LayerPlan[] {
  const { from, to, stride, axes } = size;
  const residual: ResidualPlan = {
    kind: 'residual',
    name: `${name}_add`,
    body: [
      conv(`${name}_conv1`, { filters: to, stride, axes }),
      norm(`${name}_norm1`),
      { kind: 'relu', name: `${name}_relu1` },
      conv(`${name}_conv2`, { filters: to, stride: 1, axes }),
      norm(`${name}_norm2`, 0),
    ],
    shortcut: from === to ? [] : projection(`${name}_shortcut`, size),
  };
  return [residual, { kind: 'relu', name: `${name}_relu2` }];
}

function projection(name: string, { to, stride, axes }: BlockSize): LayerPlan[] {
  return [{ kind: 'conv', name, filters: to, size: 1, stride, bias: false, axes }, norm(`${name}_norm`)];
}

function conv(
  name: string,
  { filters, stride, axes }: { filters: number; stride: 1 | 2; axes: Axes },
): LayerPlan {
  return { kind: 'conv', name, filters, size: 3, stride, bias: false, axes };
}

function norm(name: string, scale: 0 | 1 = 1): LayerPlan {
  return { kind: 'group-norm', name, groups: GROUPS, scale };
}
